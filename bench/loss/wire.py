"""A TCP wire to the broker that can be cut.

May know: asyncio streams. May not know: AMQP.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Wire:
    """Passes bytes both ways between whoever dials `port` and the broker's port."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._ends: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def listen(self) -> asyncio.Server:
        """From now on whoever dials is through."""
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> int:
        """Reset every connection; whoever dials again is through. How many there were."""
        open_ends = [end for end in self._ends if not end.transport.is_closing()]
        for end in open_ends:
            end.transport.abort()
        self._ends.clear()
        return len(open_ends) // 2

    async def close(self) -> None:
        """Cut, and leave no task behind."""
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    @staticmethod
    async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    """A wire for as long as the block lasts."""
    wire = Wire(port)
    server = await wire.listen()
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
