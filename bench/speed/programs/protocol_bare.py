"""The floor: a bare asyncio.Protocol that counts deliveries. Nothing is decoded, no task, an ack a chunk read."""

import asyncio
import struct
import sys
from urllib.parse import urlsplit

import marks
import uvloop
from pamqp import commands, frame

HEAD = struct.Struct(">BHI")
METHOD = struct.Struct(">HH")
SIZE = struct.Struct(">Q")
DELIVER = (60, 60)


class Bare(asyncio.Protocol):
    """Takes frames as they come; a delivery is over when its body is all there."""

    def __init__(self) -> None:
        self._left = b""
        self._tag = self._settled = self._missing = 0
        self._where = urlsplit(marks.URL)

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.write(b"AMQP\x00\x00\x09\x01")

    def data_received(self, data: bytes) -> None:
        data, position = self._left + data, 0
        while len(data) - position >= HEAD.size:
            kind, _channel, size = HEAD.unpack_from(data, position)
            start, end = position + HEAD.size, position + HEAD.size + size + 1
            if end > len(data):
                break
            if kind == 1:
                method = METHOD.unpack_from(data, start)
                if method == DELIVER:
                    at_tag = start + 5 + data[start + 4]
                    self._tag = SIZE.unpack_from(data, at_tag)[0]
                else:
                    self._answer(frame.unmarshal(data[position:end])[2])
            elif kind == 2:
                self._missing = SIZE.unpack_from(data, start + 4)[0]
            elif kind == 3:
                self._missing -= size
                if not self._missing:
                    marks.passed()
            position = end
        self._left = data[position:]
        settled = self._tag - bool(self._missing)
        if settled > self._settled:
            self._settled = settled
            self._send(commands.Basic.Ack(settled, multiple=True))

    def _answer(self, method: object) -> None:
        if isinstance(method, commands.Connection.Start):
            login = f"\0{self._where.username}\0{self._where.password}"
            self._send(commands.Connection.StartOk({}, "PLAIN", login, "en_US"), 0)
        elif isinstance(method, commands.Connection.Tune):
            self._send(commands.Connection.TuneOk(method.channel_max, method.frame_max, 0), 0)
            self._send(commands.Connection.Open(), 0)
        elif isinstance(method, commands.Connection.OpenOk):
            self._send(commands.Channel.Open())
        elif isinstance(method, commands.Channel.OpenOk):
            self._send(commands.Basic.Qos(prefetch_count=marks.PREFETCH))
            self._send(commands.Basic.Consume(queue=marks.QUEUE))

    def _send(self, method: commands.Basic.Ack, channel: int = 1) -> None:
        self._transport.write(frame.marshal(method, channel))


async def main() -> None:
    where = urlsplit(marks.URL)
    await asyncio.get_running_loop().create_connection(Bare, where.hostname, where.port or 5672)
    await asyncio.Event().wait()


if sys.argv[1:] == ["uvloop"]:
    uvloop.run(main())
else:
    asyncio.run(main())
