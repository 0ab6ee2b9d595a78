"""A broker that does what the test says, on a real socket of the loopback interface.

May know: asyncio streams, pamqp's frames. May not know: the lane.
"""

import asyncio

from pamqp import commands as spec
from pamqp.frame import FrameTypes, marshal, unmarshal


class ScriptedBroker:
    """Takes one connection; `reader` and `writer` are its end of it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def listen(self) -> "ScriptedBroker":
        self._dialled = asyncio.Event()
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"amqp://guest:guest@127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def dialled(self) -> None:
        """Until somebody has connected."""
        await self._dialled.wait()

    async def welcome(self) -> None:
        """The broker's part of the handshake (AMQP 0-9-1, 2.2.4)."""
        await self._asked_to_open()
        self.send(spec.Connection.OpenOk())

    async def refuse(self, code: int, text: str) -> None:
        """The handshake up to connection.open, and then the broker's no."""
        await self._asked_to_open()
        self.send(spec.Connection.Close(code, text, 10, 40))

    async def _asked_to_open(self) -> None:
        await self.dialled()
        await self.reader.readexactly(8)
        self.send(spec.Connection.Start(server_properties={"capabilities": {}}))
        await self.receive()
        self.send(spec.Connection.Tune(2047, 131_072, 60))
        await self.receive()
        await self.receive()

    def send(self, frame: FrameTypes, channel: int = 0) -> None:
        self.writer.write(marshal(frame, channel))

    async def receive(self) -> FrameTypes:
        return (await self.receive_on())[1]

    async def receive_on(self) -> tuple[int, FrameTypes]:
        """A frame, and the channel that it came on."""
        head = await self.reader.readexactly(7)
        rest = await self.reader.readexactly(int.from_bytes(head[3:]) + 1)
        _, channel, frame = unmarshal(head + rest)
        return channel, frame

    def close(self) -> None:
        self._server.close()
        if self._dialled.is_set():
            self.writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._dialled.set()
