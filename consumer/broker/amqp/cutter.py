"""Cuts deliveries for our consumer tags out of an AMQP byte stream; every other byte is passed on, in order.

May know: the layout of AMQP 0-9-1 frames (section 4.2) and of three methods. May not know: sockets, the event
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
TUNE = struct.pack(">HH", 10, 30)
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
    """The bytes are no AMQP: a frame without its end, or larger than agreed."""


@dataclass(slots=True)
class _Assembly:
    """A delivery of which some frames have come."""

    sink: Sink
    method: bytes
    header: bytes = b""
    missing: int = 0
    parts: list[bytes] = field(default_factory=list)


class Cutter:
    """`feed` it what arrives; it calls the sinks, and returns what is not for them."""

    def __init__(self) -> None:
        self._sinks: dict[bytes, Sink] = {}
        self._assemblies: dict[int, _Assembly] = {}
        self._kept: list[bytes] = []
        self._have = 0
        self._need = _head.size
        self._largest = LARGEST_FRAME
        self._started = False

    def add(self, consumer_tag: str, sink: Sink) -> None:
        """Take the deliveries of this consumer from now on."""
        self._sinks[consumer_tag.encode()] = sink

    def remove(self, consumer_tag: str) -> None:
        """Pass them on again."""
        self._sinks.pop(consumer_tag.encode(), None)

    def feed(self, data: bytes) -> list[bytes]:
        """Whole frames that are not ours, in order. Raises BrokenStreamError; nothing may be fed after that."""
        if self._kept:
            self._kept.append(data)
            self._have += len(data)
            if self._have < self._need:
                return []
            data = b"".join(self._kept)
            self._kept.clear()
        if not self._started:
            if data.startswith(b"AMQP"):  # a protocol header: the broker speaks another version, and ends here
                return [data]
            self._started = True
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        passed_on: list[bytes] = []
        end_of_data, position, unsent = len(data), 0, 0
        self._need = _head.size
        while end_of_data - position >= _head.size:
            kind, channel, size = _head.unpack_from(data, position)
            if size + 8 > self._largest:
                raise BrokenStreamError(f"a frame of {size} bytes, where {self._largest - 8} were agreed")
            end = position + 8 + size
            if end > end_of_data:
                self._need = 8 + size
                break
            if data[end - 1] != FRAME_END:
                raise BrokenStreamError("a frame does not end where it should")
            if self._take(kind, channel, data, position + 7, end - 1):
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
        if kind == HEADER:
            assembly.header = data[start:stop]
            assembly.missing = _unpack(_body_size, data, start + 4, stop)[0]
        elif kind == BODY:
            assembly.parts.append(data[start:stop])
            assembly.missing -= stop - start
        else:
            return False
        if assembly.missing <= 0:
            del self._assemblies[channel]
            _hand_over(assembly)
        return True

    def _take_method(self, channel: int, data: bytes, start: int, stop: int) -> bool:
        self._assemblies.pop(channel, None)  # a method in the middle of a content ends it (channel.close)
        method = data[start : start + 4]
        if method == TUNE:
            self._largest = _unpack(_tune, data, start + 4, stop)[1] or UNBOUNDED
        if method != DELIVER or stop - start < 5:
            return False
        end_of_tag = start + 5 + data[start + 4]
        sink = self._sinks.get(data[start + 5 : end_of_tag])
        if sink is None:
            return False
        self._assemblies[channel] = _Assembly(sink, data[end_of_tag:stop], missing=1)
        return True


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
    return data[position + 1 : end].decode("utf-8", "surrogateescape"), end


def _unpack(layout: struct.Struct, data: bytes, start: int, stop: int) -> tuple[int, ...]:
    if stop - start < layout.size:
        raise BrokenStreamError("a frame that is shorter than its contents")
    return layout.unpack_from(data, start)
