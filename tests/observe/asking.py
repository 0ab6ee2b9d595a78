"""Who asks a worker for its health in these tests: HTTP over a bare connection, so that anything can be said.

May know: asyncio streams, HTTP, how a worker logs its port. May not know: workers, what is answered.
"""

import asyncio
import json
import logging
import socket
from dataclasses import dataclass
from typing import Any

from consumer.observe.log_events import LogLine

PATIENCE = 10.0


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def parsed(raw: bytes) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    return Reply(int(status.split()[1]), headers, body)


async def say(port: int, request: bytes) -> bytes:
    """All that is answered to these bytes."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


async def ask(port: int, path: str, accept: str = "*/*", method: str = "GET") -> Reply:
    return parsed(await say(port, f"{method} {path} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n".encode()))


def ask_and_block(port: int, path: str) -> Reply:
    """The same, by a call that blocks its thread."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as asking:
        asking.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return parsed(b"".join(iter(lambda: asking.recv(65536), b"")))


async def statuses(port: int) -> tuple[int, int, int]:
    """Of /livez, /readyz and /startupz."""
    live, ready, started = [(await ask(port, path)).status for path in ("/livez", "/readyz", "/startupz")]
    return live, ready, started


class Ports(logging.Handler):
    """Where workers of this process answer, as they say in the log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.told: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        line: object = record.msg
        if isinstance(line, LogLine) and line.name == "health":
            self.told.append(int(str(line.keys["port"])))

    @property
    def last(self) -> int:
        return self.told[-1]
