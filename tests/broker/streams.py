"""AMQP byte streams as a broker could send them, and two readings of them: the cutter's, and pamqp's.

May know: pamqp, the cutter's face. May not know: how the cutter works.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from struct import pack
from typing import NamedTuple

from pamqp import commands as spec
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.frame import FrameTypes, marshal, unmarshal
from pamqp.header import ContentHeader

from consumer.broker.amqp.cutter import Cutter
from consumer.broker.amqp.frames import BrokenStreamError

OURS = ("lastcall-a", "lastcall-\u00e4")
FOREIGN = ("ctag1.x", "lastcall-", "")


class Delivered(NamedTuple):
    """A delivery as both readings report it; the properties as pamqp decodes them."""

    tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    properties: object
    body: bytes


@dataclass
class Reading:
    """What came of a stream."""

    delivered: list[Delivered] = field(default_factory=list)
    passed_on: bytes = b""
    broken: str | None = None


def properties_in(header: bytes) -> object:
    content = ContentHeader()
    content.unmarshal(header)
    return dict(content.properties)


def cut(pieces: Iterable[bytes], decode: Callable[[bytes], object] = properties_in) -> Reading:
    """The cutter's reading of a stream that arrives in these pieces."""
    reading, cutter = Reading(), Cutter()
    for consumer_tag in OURS:
        cutter.add(
            consumer_tag,
            lambda tag, redelivered, exchange, key, header, body: reading.delivered.append(
                Delivered(tag, redelivered, exchange, key, decode(header), body)
            ),
        )
    try:
        for piece in pieces:
            reading.passed_on += b"".join(cutter.feed(piece))
    except BrokenStreamError as error:
        reading.passed_on += b"".join(error.before)
        reading.broken = str(error)
    return reading


def naive(stream: bytes) -> Reading:
    """pamqp's reading of a whole stream, contents assembled in the plainest way."""
    reading = Reading()
    open_contents: dict[int, list[FrameTypes]] = {}
    while stream:
        length, channel, frame = unmarshal(stream)
        raw, stream = stream[:length], stream[length:]
        if isinstance(frame, Frame):
            open_contents.pop(channel, None)
        if isinstance(frame, spec.Basic.Deliver) and frame.consumer_tag in OURS:
            open_contents[channel] = [frame]
        elif channel in open_contents and isinstance(frame, ContentHeader | ContentBody):
            open_contents[channel].append(frame)
        else:
            reading.passed_on += raw
        delivered = whole(open_contents.get(channel, []))
        if delivered is not None:
            del open_contents[channel]
            reading.delivered.append(delivered)
    return reading


def whole(content: list[FrameTypes]) -> Delivered | None:
    if len(content) < 2:
        return None
    deliver, header, *bodies = content
    assert isinstance(deliver, spec.Basic.Deliver)
    assert isinstance(header, ContentHeader)
    body = b"".join(part.value for part in bodies if isinstance(part, ContentBody))
    if len(body) < header.body_size:
        return None
    return Delivered(
        deliver.delivery_tag or 0,
        bool(deliver.redelivered),
        deliver.exchange or "",
        deliver.routing_key or "",
        dict(header.properties),
        body,
    )


def split(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The stream in pieces of these sizes, over and over again."""
    position = 0
    for size in cycle(sizes):
        if position >= len(stream):
            return
        yield stream[position : position + size]
        position += size


def raw_frame(kind: int, channel: int, payload: bytes) -> bytes:
    return pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def delivery(
    channel: int,
    body: bytes,
    *,
    consumer_tag: str = OURS[0],
    tag: int = 1,
    properties: spec.Basic.Properties | None = None,
    frame_max: int = 131_072,
) -> bytes:
    """A whole delivery with its body in as few frames as `frame_max` allows."""
    room = frame_max - 8
    deliver = spec.Basic.Deliver(consumer_tag, tag, False, "", "queue")
    parts: list[FrameTypes] = [ContentBody(body[start : start + room]) for start in range(0, len(body), room)]
    header = ContentHeader(body_size=len(body), properties=properties)
    return b"".join(marshal(frame, channel) for frame in [deliver, header, *parts])


def tune(frame_max: int) -> bytes:
    return marshal(spec.Connection.Tune(2047, frame_max, 60), 0)
