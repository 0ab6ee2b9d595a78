"""A client that says exactly what it is told, in small frames, and keeps every byte that the broker sends.

May know: asyncio streams, pamqp. May not know: the package under test.
"""

import asyncio
from contextlib import suppress
from typing import Self, TypeVar

from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.common import FieldTable
from pamqp.frame import FrameTypes, marshal, unmarshal
from pamqp.header import ContentHeader, ProtocolHeader
from yarl import URL

FRAME_MAX = 8192
"""Bytes: the least that RabbitMQ 4 agrees to, so that bodies of some KiB come in many frames."""
HEARTBEAT = 1
ROOM = FRAME_MAX - 8
"""Bytes of a body that go into one frame."""

Kind = TypeVar("Kind")


class RecordingClient:
    """One connection. `heard` is all that came."""

    def __init__(self, url: str) -> None:
        self._url = URL(url)
        self.heard = b""
        self._contents = 0
        self._missing: dict[int, int] = {}

    async def open(self) -> Self:
        """The handshake, up to connection.open-ok."""
        self._reader, self._writer = await asyncio.open_connection(self._url.host, self._url.port or 5672)
        self._writer.write(ProtocolHeader().marshal())
        await self.until(spec.Connection.Start)
        user = f"\0{self._url.user or 'guest'}\0{self._url.password or 'guest'}"
        capabilities: FieldTable = {"consumer_cancel_notify": True, "basic.nack": True, "publisher_confirms": True}
        self.send(spec.Connection.StartOk({"capabilities": capabilities}, "PLAIN", user))
        await self.until(spec.Connection.Tune)
        self.send(spec.Connection.TuneOk(2047, FRAME_MAX, HEARTBEAT))
        self.send(spec.Connection.Open(self._url.path.lstrip("/") or "/"))
        await self.until(spec.Connection.OpenOk)
        return self

    def send(self, frame: FrameTypes, channel: int = 0) -> None:
        self._writer.write(marshal(frame, channel))

    async def ask(self, frame: FrameTypes, answer: type[Kind], channel: int) -> Kind:
        """Send it, and read up to such an answer."""
        self.send(frame, channel)
        return await self.until(answer)

    def publish(
        self, channel: int, key: str, body: bytes, properties: spec.Basic.Properties | None = None, *, times: int = 1
    ) -> None:
        """To the default exchange, mandatory."""
        parts = [ContentBody(body[start : start + ROOM]) for start in range(0, len(body), ROOM)]
        header = ContentHeader(body_size=len(body), properties=properties or spec.Basic.Properties())
        content: list[FrameTypes] = [spec.Basic.Publish(routing_key=key, mandatory=True), header, *parts]
        for frame in content * times:
            self.send(frame, channel)

    async def until(self, kind: type[Kind], number: int = 1) -> Kind:
        """Read on until so many more of these have come; the last of them."""
        while True:
            frame = await self._frame()
            if isinstance(frame, kind):
                number -= 1
                if number == 0:
                    return frame

    async def until_contents(self, number: int) -> None:
        """Read on until so many contents are whole, of all that have come."""
        while self._contents < number:
            await self._frame()

    async def to_the_end(self) -> bytes:
        """All that is still sent until the broker hangs up; everything that was heard."""
        with suppress(ConnectionResetError):
            self.heard += await self._reader.read()
        self._writer.close()
        return self.heard

    async def _frame(self) -> FrameTypes:
        head = await self._reader.readexactly(7)
        raw = head + await self._reader.readexactly(int.from_bytes(head[3:]) + 1)
        self.heard += raw
        _, channel, frame = unmarshal(raw)
        if isinstance(frame, ContentHeader):
            self._missing[channel] = frame.body_size
        elif isinstance(frame, ContentBody):
            self._missing[channel] -= len(frame.value)
        if isinstance(frame, ContentHeader | ContentBody) and not self._missing[channel]:
            self._contents += 1
        return frame
