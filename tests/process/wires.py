"""What stands between a worker and the world in these tests: a gate for handlers, a wire that can be cut.

May know: asyncio streams. May not know: workers, AMQP.
"""

import asyncio
import socket
import ssl
from contextlib import suppress


class Gate:
    """Handlers that dial `port` are held until `open`; no one polls, and no one is held when the test has gone."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._hold, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def open(self) -> None:
        """Let all through, those that come later too."""
        self._opened.set()

    def close(self) -> None:
        self.open()
        if self._server is not None:
            self._server.close()

    async def _hold(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._opened.wait()
        writer.close()


class Wire:
    """A TCP wire to `target` from a port of ours that refuses connections until `connect`; TLS on our side if told."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._reserved = socket.socket()
        self._reserved.bind(("127.0.0.1", 0))  # bound and not listening: a dial is refused, and the port stays ours
        self.port: int = self._reserved.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay = 0.0
        self.dialled = asyncio.Event()

    async def connect(self, tls: ssl.SSLContext | None = None) -> None:
        """From now on whoever dials is through."""
        self._server = await asyncio.start_server(self._join, sock=self._reserved, ssl=tls)

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told: a network that swallows packets."""
        self._flowing.clear()

    def thaw(self) -> None:
        """What was held up passes, and what comes later."""
        self._flowing.set()

    def slow_down(self, seconds: float) -> None:
        """Hold up, from now on, whatever passes by so much."""
        self._delay = seconds

    def cut(self) -> None:
        """Reset every connection; whoever dials again is through."""
        for end in self._ends:
            if not end.transport.is_closing():
                end.transport.abort()

    def close(self) -> None:
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        if self._server is not None:
            self._server.close()
        self._reserved.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dialled.set()
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._ends |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._flowing.wait()
                await asyncio.sleep(self._delay)
                sink.write(data)
                await sink.drain()
        sink.close()
