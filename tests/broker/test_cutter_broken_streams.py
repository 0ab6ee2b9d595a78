"""What is no AMQP ends in BrokenStreamError: no other exception, no hoard of bytes, no wait for what never comes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from consumer.broker.amqp.cutter import Cutter
from consumer.broker.amqp.frames import LARGEST_FRAME, BrokenStreamError
from tests.broker.generated import almost_amqp, sizes, streams, thorough
from tests.broker.streams import OURS, cut, delivery, raw_frame, split, tune

deliver = marshal(spec.Basic.Deliver(OURS[0], 1, False, "", "queue"), 1)


def header(body_size: int) -> bytes:
    return marshal(ContentHeader(body_size=body_size), 1)


def body(data: bytes) -> bytes:
    return marshal(ContentBody(data), 1)


def undecoded(payload: bytes) -> object:
    return payload


@thorough
@given(almost_amqp, sizes)
def test_what_only_looks_like_amqp_breaks_the_stream_at_the_same_place_however_it_arrives(
    stream: bytes, pieces: list[int]
) -> None:
    whole, in_pieces = cut([stream], undecoded), cut(split(stream, pieces), undecoded)
    assert in_pieces == whole


@thorough
@given(streams(), sizes, st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_stream_with_flipped_bytes_breaks_or_is_read_the_same_however_it_arrives(
    stream: bytes, pieces: list[int], flips: list[tuple[int, int]]
) -> None:
    damaged = bytearray(stream)
    for position, value in flips:
        if damaged:
            damaged[position % len(damaged)] = value
    assert cut(split(bytes(damaged), pieces), undecoded) == cut([bytes(damaged)], undecoded)


@thorough
@given(st.lists(st.binary(max_size=300), max_size=20))
def test_no_bytes_make_the_cutter_keep_more_than_a_frame(pieces: list[bytes]) -> None:
    cutter, kept = Cutter(), 0
    for piece in pieces:
        try:
            kept += len(piece) - sum(map(len, cutter.feed(piece)))
        except BrokenStreamError:
            return
        assert 0 <= kept < LARGEST_FRAME


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(deliver[:-1] + b"\x00", id="a frame without its end octet"),
        pytest.param(raw_frame(1, 1, deliver[7:-1][:-3]), id="a deliver cut short in its routing key"),
        pytest.param(raw_frame(1, 1, deliver[7 : 7 + 5 + len(OURS[0])]), id="a deliver cut short after the tag"),
        pytest.param(deliver + raw_frame(2, 1, b"\x00\x3c\x00\x00\x00"), id="a header that is too short for a size"),
        pytest.param(deliver + body(b"x"), id="a body before its header"),
        pytest.param(deliver + header(5) + header(5), id="a second header"),
        pytest.param(deliver + header(5) + body(b"abc") + body(b"def"), id="a body longer than its header says"),
        pytest.param(deliver + raw_frame(8, 1, b""), id="a heartbeat on the channel of a content"),
        pytest.param(deliver + deliver, id="a deliver before the header of the one before"),
        pytest.param(deliver + header(5) + body(b"abc") + delivery(1, b"x", tag=2), id="a delivery in a content"),
        pytest.param(
            deliver + header(5) + delivery(1, b"x", consumer_tag="other"), id="another's delivery in a content"
        ),
        pytest.param(deliver + header(5) + marshal(spec.Basic.CancelOk(OURS[0]), 1), id="a method in a content"),
        pytest.param(raw_frame(1, 0, b"\x00\x0a\x00\x1e\x00"), id="a connection.tune that ends too early"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n", id="another protocol"),
    ],
)
def test_a_broken_stream_is_called_broken(stream: bytes) -> None:
    following = body(b"") + header(0)  # some contents are only looked at once they are whole
    assert cut([stream + following], undecoded).broken
    assert cut(split(stream + following, [1]), undecoded).broken


@pytest.mark.parametrize("prelude", [b"AMQP\x00\x00\x09\x01", delivery(1, b"one") + tune(4096), tune(4096)])
def test_what_came_sound_before_the_break_is_passed_on_with_it(prelude: bytes) -> None:
    reading = cut([prelude + b"garbage" * 9])
    assert reading.broken
    assert reading.passed_on == cut([prelude]).passed_on


def of_length(length: int) -> bytes:
    return raw_frame(3, 9, bytes(length - 8))


@pytest.mark.parametrize(("agreed", "largest"), [(None, 131_072), (4096, 4096), (262_144, 262_144)])
def test_connection_tune_says_how_large_a_frame_may_be(agreed: int | None, largest: int) -> None:
    prelude = b"" if agreed is None else tune(agreed)
    fits, too_large = prelude + of_length(largest), prelude + of_length(largest + 1)
    assert cut(split(fits, [1000])).passed_on == fits
    assert cut([too_large]).broken


def test_a_frame_that_is_too_large_is_refused_at_its_first_bytes() -> None:
    assert cut([of_length(LARGEST_FRAME + 1)[:8]]).broken


def test_a_broker_that_sets_no_bound_may_send_large_frames() -> None:
    stream = tune(0) + of_length(1 << 20)
    assert cut([stream]).passed_on == stream


@example(b"")
@given(st.binary(max_size=30))
def test_a_delivery_with_names_that_are_no_utf_8_is_a_delivery_and_they_can_be_sent_again(noise: bytes) -> None:
    name = bytes([len(noise)]) + noise
    method = b"\x00\x3c\x00\x3c" + bytes([len(OURS[0])]) + OURS[0].encode() + bytes(8) + b"\x01" + name + name
    reading = cut([raw_frame(1, 1, method) + header(0)])
    assert [(d.exchange, d.redelivered) for d in reading.delivered] == [
        (noise.decode("utf-8", "backslashreplace"), True)
    ]
    assert all(d.exchange.encode() for d in reading.delivered) == bool(noise)


def test_an_empty_read_changes_nothing() -> None:
    stream = delivery(1, b"one")
    assert cut([b"", stream[:5], b"", stream[5:], b""]) == cut([stream])
