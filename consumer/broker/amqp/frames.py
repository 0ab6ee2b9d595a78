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
SMALLEST_CONTENT = 2 * OVERHEAD + 14
"""Bytes of a content header frame without properties, and of an empty body frame."""
SMALLEST_HEADER = 12
"""Bytes of a content header before its properties' flags."""
LARGEST_FRAME = 131_072
"""Bytes, until connection.tune says what the broker sends at most (RabbitMQ's default)."""
UNBOUNDED = 1 << 27
"""Bytes: what is taken for a frame of a broker that sets no bound (frame_max 0)."""

HEAD = struct.Struct(">BHI")
METHOD_HEAD = struct.Struct(">BHIIB")
"""A frame's head, class and method, and the length of a basic.deliver's consumer tag."""
CONTENT = struct.Struct(">BHIIQ")
TAG_AND_FLAG = struct.Struct(">QB")
BODY_SIZE = struct.Struct(">Q")
TUNED = struct.Struct(">HI")


class BrokenStreamError(Exception):
    """The bytes are no AMQP: a frame without its end, or larger than agreed, or a content out of order."""

    before: Sequence[bytes] = ()
    """What came sound before it and is not ours, in order."""


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
