"""HTTP for probes and scrapers, on a thread and an event loop of its own: it answers while the worker's loop is stuck.

May know: sockets, HTTP/1.1 as far as GET needs it. May not know: what is answered.

One request a connection, each within a bound of time and size, and so many at once: of more, the one goes that has
been here longest without having asked. So whoever is slow, or silent, holds nobody up.
"""

import asyncio
import errno
import http.client
import io
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from threading import Thread

from consumer.errors import ConfigurationError
from consumer.listening import EVERYWHERE, listen_address
from consumer.observe.answers import Answer

PATIENCE = 5.0
"""Seconds that a request may take, from its first byte to the last of its answer."""
MOST_BYTES = 16_384
"""Of a request's head; there is no use for a body."""
MOST_SKIPPED = 2**20
"""Bytes of a head that is too long which are read all the same."""
MOST_AT_ONCE = 64
LETTING_GO = 1.0
"""Seconds that the thread gets to end, and whoever asks for too much to come to the end of it."""
_SECURE = (
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
)
_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""What a kernel without IPv6 answers that says that it has it."""
_logger = logging.getLogger("lastcall")

Ask = Callable[[str, str, str], Answer]
"""(method, target, Accept header): the answer."""


class HealthServer:
    """Listens from its making; answers between `start` and `stop`. Raises ConfigurationError when it can't listen."""

    def __init__(self, address: str, ask: Ask) -> None:
        self._ask = ask
        self._socket = _listen(address)
        self._loop = asyncio.SelectorEventLoop()
        self._stopping = asyncio.Event()
        self._at_once = 0
        self._silent: dict[asyncio.WriteTransport, None] = {}  # have not asked yet, the oldest first
        self._thread = Thread(target=self._run, name="lastcall health", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens, whatever was asked for (0: any free port)."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Answer, from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more, and let the port go."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(LETTING_GO)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._take, sock=self._socket, limit=MOST_BYTES)
        await self._stopping.wait()
        with suppress(OSError):  # where a socket that listens can't be
            self._socket.shutdown(socket.SHUT_RDWR)  # a process that was forked meanwhile has it too
        server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._arrives(writer.transport)
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._answer(reader)
                self._silent.pop(writer.transport, None)
                writer.write(answer)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.CancelledError):  # who asked is gone, or too slow; or we go
            pass
        finally:
            self._at_once -= 1
            self._silent.pop(writer.transport, None)
            writer.transport.abort()

    def _arrives(self, transport: asyncio.WriteTransport) -> None:
        """One too many: whoever has been silent for longest goes, this one where all others have asked."""
        self._at_once += 1
        self._silent[transport] = None
        if self._at_once > MOST_AT_ONCE:
            oldest = next(iter(self._silent))
            del self._silent[oldest]
            oldest.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, accept = _read(head)
        except asyncio.LimitOverrunError:
            await _skip(reader)
            return _written(Answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"too long\n"), with_body=True)
        except asyncio.IncompleteReadError:
            return b""
        except (ValueError, http.client.HTTPException):
            return _written(Answer(HTTPStatus.BAD_REQUEST, b"not HTTP\n"), with_body=True)
        try:
            answer = self._ask(method, target, accept)
        except Exception:  # told, and the next one may be answered
            _logger.exception("health: %r could not be answered", target)
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"the worker's log says why\n")
        return _written(answer, with_body=method != "HEAD")


async def _skip(reader: asyncio.StreamReader) -> None:
    """Read on to the head's end, within bounds: what is unread when a connection is closed takes the answer along."""
    last, skipped = b"", 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LETTING_GO):
            while b"\r\n\r\n" not in last and skipped < MOST_SKIPPED and (more := await reader.read(MOST_BYTES)):
                last, skipped = last[-3:] + more, skipped + len(more)


def _listen(address: str) -> socket.socket:
    host, port = listen_address(address)
    try:
        if host == EVERYWHERE and socket.has_dualstack_ipv6():
            try:
                return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
            except OSError as error:
                if error.errno not in _NO_IPV6:
                    raise
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"health (--health or LASTCALL_HEALTH): {address!r} can't be listened on ({error}): "
            "name a free port of this machine, stop what has it, or switch it off with 'none'."
        ) from error


def _read(head: bytes) -> tuple[str, str, str]:
    """Method, target and Accept header. Raises ValueError or HTTPException."""
    line, _, fields = head.partition(b"\r\n")
    method, target, version = line.decode("ascii").split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    headers = http.client.parse_headers(io.BytesIO(fields))
    return method, target, ",".join(headers.get_all("Accept", []))


def _written(answer: Answer, *, with_body: bool) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\nConnection: close\r\n{_SECURE}{headers}"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
