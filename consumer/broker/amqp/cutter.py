"""Cuts deliveries for our consumer tags out of an AMQP byte stream; every other byte is passed on, in order.

May know: the layout of AMQP 0-9-1 frames (section 4.2) and of a few methods. May not know: sockets, the event
loop, channels as objects: pure and synchronous, so that it can be tried with any bytes, cut at any place.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

Sink: TypeAlias = Callable[[int, bool, str, str, bytes, bytes], None]
"""(delivery tag, redelivered, exchange, routing key, content header payload, body)"""

METHOD, HEADER, BODY = 1, 2, 3
FRAME_END = 0xCE
OVERHEAD = 8
"""Bytes of a frame around its payload: the head, and the octet at its end."""
TUNE = struct.pack(">HH", 10, 30)
CONNECTION_CLOSE = struct.pack(">HH", 10, 50)
CHANNEL_OPEN_OK = struct.pack(">HH", 20, 11)
CHANNEL_CLOSE = struct.pack(">HH", 20, 40)
DELIVER = struct.pack(">HH", 60, 60)
LARGEST_FRAME = 131_072
"""Bytes, until connection.tune says what the broker sends at most (RabbitMQ's default)."""
UNBOUNDED = 1 << 27
"""Bytes: what is taken for a frame of a broker that sets no bound (frame_max 0)."""

_head = struct.Struct(">BHI")
_tag_and_flag = struct.Struct(">QB")
_body_size = struct.Struct(">Q")
_tune = struct.Struct(">HI")


class BrokenStreamError(Exception):
    """The bytes are no AMQP: a frame without its end, or larger than agreed, or a content out of order."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """What the broker said when it closed the connection (connection.close), which aiormq keeps to itself."""

    code: int
    text: str

    @property
    def is_final(self) -> bool:
        """Whether somebody must mend something: 403, or 530 for a virtual host (not for a limit on connections)."""
        return self.code == 403 or (self.code == 530 and "limit" not in self.text and "down" not in self.text)


@dataclass(slots=True)
class _Assembly:
    """A delivery of which some frames have come."""

    sink: Sink
    method: bytes
    header: bytes = b""
    missing: int = -1  # until the header has said how large the body is
    parts: list[bytes] = field(default_factory=list)


class Cutter:
    """`feed` it what arrives; it calls the sinks, and returns what is not for them."""

    def __init__(self) -> None:
        self.closed_channels: set[int] = set()
        """Channels that the broker has closed, and that have not been opened again."""
        self.farewell: Farewell | None = None
        self._sinks: dict[bytes, Sink] = {}
        self._assemblies: dict[int, _Assembly] = {}
        self._kept: list[bytes] = []
        self._have = 0
        self._need = OVERHEAD
        self._largest = LARGEST_FRAME
        self._started = False

    def add(self, consumer_tag: str, sink: Sink) -> None:
        """Take the deliveries of this consumer from now on."""
        self._sinks[consumer_tag.encode()] = sink

    def remove(self, consumer_tag: str) -> None:
        """Pass them on again."""
        self._sinks.pop(consumer_tag.encode(), None)

    @property
    def consuming(self) -> bool:
        """Whether there is a consumer to take deliveries for: never so during the connection's handshake."""
        return bool(self._sinks)

    def feed(self, data: bytes) -> list[bytes]:
        """Whole frames that are not ours, in order. Raises BrokenStreamError; nothing may be fed after that."""
        if self._kept:
            self._kept.append(data)
            self._have += len(data)
            if self._have < self._need:
                return []
            data = b"".join(self._kept)
            self._kept.clear()
        if not self._started and len(data) >= OVERHEAD:
            self._started = True
            if data.startswith(b"AMQP"):  # a protocol header, of eight bytes too: the broker speaks another version
                return [data[:OVERHEAD], *self._cut(data[OVERHEAD:])]
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        passed_on: list[bytes] = []
        end_of_data, position, unsent = len(data), 0, 0
        self._need = OVERHEAD
        while end_of_data - position >= OVERHEAD:
            kind, channel, size = _head.unpack_from(data, position)
            size += OVERHEAD
            if size > self._largest:
                raise BrokenStreamError(f"a frame of {size} bytes, where at most {self._largest} were agreed")
            end = position + size
            if end > end_of_data:
                self._need = size
                break
            if data[end - 1] != FRAME_END:
                raise BrokenStreamError("a frame does not end where it should")
            if self._take(kind, channel, data, position + _head.size, end - 1):
                if unsent < position:
                    passed_on.append(data[unsent:position])
                unsent = end
            position = end
        if unsent < position:
            passed_on.append(data[unsent:position])
        if position < end_of_data:
            self._kept.append(data[position:])
        self._have = end_of_data - position
        return passed_on

    def _take(self, kind: int, channel: int, data: bytes, start: int, stop: int) -> bool:
        """Whether the frame is ours; its payload is data[start:stop]."""
        if kind == METHOD:
            return self._take_method(channel, data, start, stop)
        assembly = self._assemblies.get(channel)
        if assembly is None:
            return False
        if kind == HEADER and not assembly.header:
            assembly.header = data[start:stop]
            assembly.missing = _unpack(_body_size, data, start + 4, stop)[0]
        elif kind == BODY and stop - start <= assembly.missing:
            assembly.parts.append(data[start:stop])
            assembly.missing -= stop - start
        else:
            raise BrokenStreamError("a content whose frames are out of order, or more than its header says")
        if assembly.missing == 0:
            del self._assemblies[channel]
            _hand_over(assembly)
        return True

    def _take_method(self, channel: int, data: bytes, start: int, stop: int) -> bool:
        self._assemblies.pop(channel, None)  # a method in the middle of a content ends it (channel.close)
        method = data[start : start + 4]
        if method != DELIVER or stop - start < 5:
            self._note(method, channel, data, start + 4, stop)
            return False
        end_of_tag = start + 5 + data[start + 4]
        sink = self._sinks.get(data[start + 5 : end_of_tag])
        if sink is None:
            return False
        self._assemblies[channel] = _Assembly(sink, data[end_of_tag:stop])
        return True

    def _note(self, method: bytes, channel: int, data: bytes, start: int, stop: int) -> None:
        if method == TUNE:
            self._largest = _unpack(_tune, data, start, stop)[1] or UNBOUNDED
        elif method == CONNECTION_CLOSE and stop - start > 3:
            text = data[start + 3 : min(stop, start + 3 + data[start + 2])].decode("utf-8", "replace")
            self.farewell = Farewell(int.from_bytes(data[start : start + 2], "big"), text)
        elif method == CHANNEL_CLOSE:
            self.closed_channels.add(channel)
        elif method == CHANNEL_OPEN_OK:
            self.closed_channels.discard(channel)


def _hand_over(assembly: _Assembly) -> None:
    method = assembly.method
    tag, flag = _unpack(_tag_and_flag, method, 0, len(method))
    exchange, position = _short_string(method, _tag_and_flag.size)
    routing_key, _ = _short_string(method, position)
    parts = assembly.parts
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    assembly.sink(tag, bool(flag & 1), exchange, routing_key, assembly.header, body)


def _short_string(data: bytes, position: int) -> tuple[str, int]:
    if position >= len(data) or position + 1 + data[position] > len(data):
        raise BrokenStreamError("a basic.deliver that ends too early")
    end = position + 1 + data[position]
    return data[position + 1 : end].decode("utf-8", "backslashreplace"), end


def _unpack(layout: struct.Struct, data: bytes, start: int, stop: int) -> tuple[int, ...]:
    if stop - start < layout.size:
        raise BrokenStreamError("a frame that is shorter than its contents")
    return layout.unpack_from(data, start)
