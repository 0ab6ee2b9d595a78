"""The layout of AMQP 0-9-1 frames (section 4.2), as far as deliveries and what ends them take it.

May know: bytes. May not know: streams, consumers.
"""

import struct
from collections.abc import Sequence

METHOD, HEADER, BODY = 1, 2, 3
FRAME_END = 0xCE
OVERHEAD = 8
"""Bytes of a frame around its payload: the head, and the octet at its end."""
TUNE = struct.pack(">HH", 10, 30)
CONNECTION_CLOSE = struct.pack(">HH", 10, 50)
CHANNEL_OPEN_OK = struct.pack(">HH", 20, 11)
CHANNEL_CLOSE = struct.pack(">HH", 20, 40)
DELIVER = struct.pack(">HH", 60, 60)
DELIVER_NUMBER = int.from_bytes(DELIVER, "big")
AT_CONSUMER_TAG = 11
"""Where a basic.deliver's consumer tag begins: after the frame's head, the class and the method."""
SMALLEST_CONTENT = 2 * OVERHEAD + 14
"""Bytes of a content header frame without properties, and of an empty body frame."""
LARGEST_FRAME = 131_072
"""Bytes, until connection.tune says what the broker sends at most (RabbitMQ's default)."""
UNBOUNDED = 1 << 27
"""Bytes: what is taken for a frame of a broker that sets no bound (frame_max 0)."""

HEAD = struct.Struct(">BHI")
METHOD_AND_TAG = struct.Struct(">IB")
CONTENT = struct.Struct(">BHIIQ")
TAG_AND_FLAG = struct.Struct(">QB")
BODY_SIZE = struct.Struct(">Q")
TUNED = struct.Struct(">HI")


class BrokenStreamError(Exception):
    """The bytes are no AMQP: a frame without its end, or larger than agreed, or a content out of order."""

    before: Sequence[bytes] = ()
    """What came sound before it and is not ours, in order."""


def whole_content(data: bytes, header: int, channel: int, largest: int) -> tuple[int, int]:
    """Where the frame of the body begins, and ends, behind that of the content's header; 0: not so, or not here."""
    kind, on_channel, size, _, body_size = CONTENT.unpack_from(data, header)
    body: int = header + size + OVERHEAD
    end: int = body + body_size + OVERHEAD
    largest -= OVERHEAD
    if kind != HEADER or on_channel != channel or end > len(data) or not 12 <= size <= largest >= body_size > 0:
        return 0, 0
    kind, on_channel, size = HEAD.unpack_from(data, body)
    if kind != BODY or on_channel != channel or size != body_size:
        return 0, 0
    return (body, end) if data[body - 1] == data[end - 1] == FRAME_END else (0, 0)


def short_string(data: bytes, position: int) -> tuple[str, int]:
    """The one that begins there, and where it ends. Raises BrokenStreamError."""
    if position >= len(data) or position + 1 + data[position] > len(data):
        raise BrokenStreamError("a basic.deliver that ends too early")
    end = position + 1 + data[position]
    return data[position + 1 : end].decode("utf-8", "backslashreplace"), end


def unpack(layout: struct.Struct, data: bytes, start: int, stop: int) -> tuple[int, ...]:
    """What begins at `start`. Raises BrokenStreamError when it does not end before `stop`."""
    if stop - start < layout.size:
        raise BrokenStreamError("a frame that is shorter than its contents")
    return layout.unpack_from(data, start)
