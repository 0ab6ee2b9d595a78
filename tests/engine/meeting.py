"""Where handlers in other processes come to, and are told what to do: nobody polls, nobody sleeps.

May know: asyncio streams. May not know: workers, handlers.
"""

import asyncio
from collections import defaultdict

BOUND = 20.0
"""Seconds after which a wait has failed: a child may have to be started first, on a busy machine."""


class Visitor:
    """One run of a handler, in its process."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader = reader
        self._writer = writer

    def tell(self, wish: str) -> None:
        self._writer.write(f"{wish}\n".encode())

    async def asked(self, wish: str) -> str:
        """Its answer."""
        self.tell(wish)
        async with asyncio.timeout(BOUND):
            return (await self._reader.readline()).decode().strip()

    async def left(self) -> None:
        """Until it has gone: its handler, or its process, has ended."""
        async with asyncio.timeout(BOUND):
            try:
                assert not await self._reader.read()
            except ConnectionError:
                return

    def close(self) -> None:
        self._writer.close()


class Meeting:
    """Handlers dial `port` and say their message's name and their process's id."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._visitors: defaultdict[str, asyncio.Queue[Visitor]] = defaultdict(asyncio.Queue)
        self._all: list[Visitor] = []

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def visitor(self, name: str) -> Visitor:
        """The next run of this message."""
        async with asyncio.timeout(BOUND):
            return await self._visitors[name].get()

    async def close(self) -> None:
        for each in self._all:
            each.close()
        if self._server is not None:
            self._server.close()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, _, pid = (await reader.readline()).decode().strip().rpartition(" ")
        visitor = Visitor(int(pid), reader, writer)
        self._all.append(visitor)
        self._visitors[name].put_nowait(visitor)
