"""The cutter reads every sound stream as pamqp does, however it arrives."""

from datetime import UTC, datetime
from functools import partial

from hypothesis import example, given
from pamqp import commands as spec
from pamqp.frame import marshal

from consumer.broker.amqp.cutter import Cutter
from tests.broker.generated import sizes, streams, thorough
from tests.broker.streams import OURS, cut, delivery, naive, split


@thorough
@given(streams(), sizes)
def test_any_stream_cut_anywhere_gives_what_a_plain_decoding_gives(stream: bytes, pieces: list[int]) -> None:
    plain = naive(stream)
    assert cut([stream]) == plain
    assert cut(split(stream, pieces)) == plain
    assert cut(split(stream, [1])) == plain


def test_a_delivery_is_handed_over_at_its_last_byte_and_not_before() -> None:
    stream = delivery(3, b"body", properties=spec.Basic.Properties(timestamp=datetime(2024, 1, 1, tzinfo=UTC)))
    assert cut([stream[:-1]]).delivered == []
    assert [delivered.body for delivered in cut([stream[:-1], stream[-1:]]).delivered] == [b"body"]


def test_frames_before_and_after_a_delivery_are_passed_on_with_it_between_them() -> None:
    before, after = marshal(spec.Basic.QosOk(), 1), marshal(spec.Basic.CancelOk(OURS[0]), 1)
    cutter, heard = Cutter(), []
    cutter.add(OURS[0], lambda *delivered: heard.append(delivered[-1]))
    assert cutter.feed(before + delivery(1, b"one") + after) == [before, after]
    assert heard == [b"one"]


def test_a_consumer_that_is_removed_has_its_deliveries_passed_on_again() -> None:
    cutter, heard = Cutter(), []
    cutter.add(OURS[0], lambda *delivered: heard.append(delivered))
    cutter.remove(OURS[0])
    cutter.remove(OURS[0])
    assert cutter.feed(delivery(1, b"one")) == [delivery(1, b"one")]
    assert heard == []


def test_each_delivery_is_for_whoever_consumes_then_on_whatever_channel_it_comes() -> None:
    cutter, heard = Cutter(), []
    for number, consumer in enumerate([*OURS, OURS[0]], 1):
        cutter.add(consumer, lambda *delivered, number=number: heard.append((number, delivered[-1])))
    first, second = (partial(delivery, consumer_tag=consumer) for consumer in OURS)
    cutter.feed(first(1, b"a") + second(1, b"b") + first(2, b"c"))
    cutter.remove(OURS[0])
    assert cutter.feed(first(1, b"d") + second(1, b"e")) == [first(1, b"d")]
    cutter.add(OURS[0], lambda *delivered: heard.append((0, delivered[-1])))
    cutter.feed(first(1, b"f"))
    assert heard == [(3, b"a"), (2, b"b"), (3, b"c"), (2, b"e"), (0, b"f")]


@example([1])
@example([3, 5])
@example([7, 1])
@given(sizes)
def test_a_protocol_header_in_place_of_a_handshake_is_passed_on_whole(pieces: list[int]) -> None:
    header = b"AMQP\x03\x01\x00\x00"
    reading = cut(split(header, pieces))
    assert (reading.passed_on, reading.broken) == (header, None)
