"""Generated AMQP streams (hypothesis): sound ones, and ones that only look like AMQP.

May know: pamqp, hypothesis. May not know: the cutter.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import FrameTypes, marshal
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from consumer.broker.amqp.convert import table
from tests.broker.streams import FOREIGN, OURS, raw_frame

thorough = settings(max_examples=int(os.environ.get("CUTTER_EXAMPLES", "60")), deadline=None)
"""More of them for a longer look: CUTTER_EXAMPLES=20000 pytest tests/broker -k cutter"""

short_text = st.text(max_size=40).filter(lambda text: len(text.encode()) <= 255)
exchanges = st.sampled_from(["", "amq.topic", "orders, all"])
tags = st.integers(1, 2**63 - 1)  # pamqp packs the unsigned field as a signed one
channels = st.integers(1, 4)

_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(width=32, allow_nan=False)
    | st.decimals(places=2, min_value=-10_000, max_value=10_000)
    | st.text(max_size=20)
    | st.binary(max_size=20).map(bytearray)
    | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=0)
    )
)
tables = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        _leaves,
        lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values, max_size=3),
        max_leaves=4,
    ),
    max_size=4,
)


@st.composite
def properties(draw: st.DrawFn) -> spec.Basic.Properties:
    """Any of the basic properties, each there or not."""
    maybe = st.none() | short_text
    return spec.Basic.Properties(
        headers=draw(st.none() | tables.map(table)),
        delivery_mode=draw(st.sampled_from([None, 1, 2])),
        priority=draw(st.none() | st.integers(0, 127)),
        expiration=draw(st.none() | st.integers(0, 10**9).map(str)),
        timestamp=draw(st.none() | st.integers(0, 2**32 - 1).map(lambda s: datetime.fromtimestamp(s, UTC))),
        message_type=draw(maybe),
        content_type=draw(maybe),
        content_encoding=draw(maybe),
        correlation_id=draw(maybe),
        reply_to=draw(maybe),
        message_id=draw(maybe),
        user_id=draw(maybe),
        app_id=draw(maybe),
    )


@st.composite
def contents(draw: st.DrawFn, method: FrameTypes) -> list[FrameTypes]:
    """The method with its header and its body, which is cut into frames anywhere."""
    body = draw(st.binary(max_size=60) | st.sampled_from([b"", b"\xce" * 9, b"AMQP" * 3, b"x" * 3000]))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(body) - 1)), max_size=12)) | {0, len(body)})
    parts = [ContentBody(body[a:b]) for a, b in pairwise(cuts) if body[a:b]]
    return [method, ContentHeader(body_size=len(body), properties=draw(properties())), *parts]


@st.composite
def deliveries(draw: st.DrawFn, consumer_tags: tuple[str, ...]) -> list[FrameTypes]:
    tag = draw(st.sampled_from(consumer_tags))
    return draw(contents(spec.Basic.Deliver(tag, draw(tags), draw(st.booleans()), draw(exchanges), draw(short_text))))


_lone = st.sampled_from(
    [
        spec.Basic.Ack(7, True),
        spec.Basic.Nack(8, False, requeue=False),
        spec.Basic.CancelOk(OURS[0]),
        spec.Basic.Cancel(OURS[0]),
        spec.Basic.ConsumeOk(OURS[0]),
        spec.Basic.GetEmpty(),
        spec.Channel.Close(406, "PRECONDITION_FAILED", 60, 80),
        spec.Queue.DeclareOk("queue", 1, 2),
    ]
).map(lambda frame: [frame])


@st.composite
def interrupted(draw: st.DrawFn) -> list[FrameTypes]:
    """A content that a channel.close ends before it is whole."""
    frames = draw(deliveries(OURS + FOREIGN))
    kept = draw(st.integers(1, len(frames)))
    return [*frames[:kept], spec.Channel.Close(541, "INTERNAL_ERROR", 0, 0)]


_units = st.one_of(
    deliveries(OURS),
    deliveries(OURS),
    deliveries(FOREIGN),
    contents(spec.Basic.Return(312, "NO_ROUTE", "", "nowhere")),
    contents(spec.Basic.GetOk(5, True, "", "queue", 3)),
    _lone,
    interrupted(),
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Contents and lone methods on several channels, their frames interleaved, heartbeats between them."""
    return draw(interleaved(draw(st.lists(st.tuples(channels, _units), max_size=8))))


@st.composite
def interleaved(draw: st.DrawFn, units: list[tuple[int, list[FrameTypes]]]) -> bytes:
    """These on their channels, their frames in any order that keeps each channel's."""
    waiting: dict[int, list[FrameTypes]] = {}
    for channel, unit in units:
        waiting.setdefault(channel, []).extend(unit)
    stream: list[bytes] = []
    while waiting:
        channel = draw(st.sampled_from([0, *waiting]))
        if channel == 0:
            stream.append(marshal(Heartbeat(), 0))
            channel = next(iter(waiting))
        stream.append(marshal(waiting[channel].pop(0), channel))
        if not waiting[channel]:
            del waiting[channel]
    return b"".join(stream)


@st.composite
def calm_streams(draw: st.DrawFn, consumers: Mapping[str, int]) -> bytes:
    """Deliveries for these consumers on their channels; returned messages and confirms among them."""

    def of_consumer(tag: str) -> st.SearchStrategy[tuple[int, list[FrameTypes]]]:
        return st.tuples(st.just(consumers[tag]), deliveries((tag,)))

    beside = st.one_of(
        contents(spec.Basic.Return(312, "NO_ROUTE", "", "nowhere")),
        st.sampled_from([spec.Basic.Ack(7, True), spec.Basic.Nack(8, False, requeue=False)]).map(lambda frame: [frame]),
    )
    units = st.one_of(*map(of_consumer, consumers), st.tuples(channels, beside))
    return draw(interleaved(draw(st.lists(units, max_size=10))))


sizes = st.lists(st.integers(1, 200), min_size=1, max_size=10)
"""How a stream arrives: see streams.split."""

_deliver = b"\x00\x3c\x00\x3c"
_payloads = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=20).map(lambda rest: _deliver + bytes([len(OURS[0])]) + OURS[0].encode() + rest),
    st.binary(max_size=20).map(lambda rest: _deliver + rest),
    st.tuples(st.integers(0, 30), st.binary(max_size=8)).map(
        lambda content: b"\x00\x3c\x00\x00" + content[0].to_bytes(8) + content[1]
    ),
    st.binary(max_size=8).map(lambda rest: b"\x00\x0a\x00\x1e" + rest),
)
almost_amqp = st.lists(
    st.builds(raw_frame, st.sampled_from([1, 1, 2, 3, 8, 65]), st.integers(0, 2), _payloads) | st.binary(max_size=20),
    max_size=10,
).map(b"".join)
"""Frames with an end, with anything in them: cut short, out of order, of kinds that do not exist; and noise."""
