"""Properties that are left undecoded until somebody asks are those that decoding them at once would have given."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.header import ContentHeader

from consumer.broker.amqp.convert import message_in, table
from consumer.broker.amqp.skim import skim
from consumer.core.delivery import Message, Properties
from tests.broker.hostile_properties import Encoded, headers, other_properties, short


def decoded_at_once(header: bytes) -> Properties | None:
    """What pamqp makes of them; None: it can't."""
    content = ContentHeader()
    try:
        content.unmarshal(header)
    except Exception:  # noqa: BLE001 - whatever pamqp makes of hostile bytes
        return None
    read = content.properties
    return Properties(
        message_id=read.message_id,
        headers=read.headers or {},
        content_type=read.content_type,
        content_encoding=read.content_encoding,
        correlation_id=read.correlation_id,
        reply_to=read.reply_to,
        priority=read.priority,
        expiration=read.expiration,
        timestamp=read.timestamp,
        type=read.message_type,
        app_id=read.app_id,
    )


def assert_the_same_as_at_once(header: bytes) -> None:
    message = message_in(header, b"", "orders")
    at_once = decoded_at_once(header)
    assert (message.defect is None) == (at_once is not None)
    if at_once is None:
        return
    assert message.message_id == at_once.message_id
    assert message.content_encoding == at_once.content_encoding
    assert repr(message.headers) == repr(at_once.headers)  # by their text: NaN is not equal to itself
    assert repr(message.properties) == repr(at_once)


def encoded(parts: dict[str, bytes]) -> bytes:
    return ContentHeader(properties=Encoded(parts)).marshal()


@given(st.builds(lambda some, more: encoded(some | more), other_properties, st.just({}) | headers))
@example(encoded({}))
def test_whatever_the_properties_are_they_read_the_same_later(header: bytes) -> None:
    assert_the_same_as_at_once(header)


@given(other_properties, st.integers(0, 60), st.binary(max_size=3))
def test_and_where_they_end_too_early_or_too_late(parts: dict[str, bytes], kept: int, more: bytes) -> None:
    header = encoded(parts)
    assert_the_same_as_at_once(header[: 14 + kept] + more)


@given(st.binary(min_size=12, max_size=60))
def test_and_where_they_are_any_bytes(header: bytes) -> None:
    assert_the_same_as_at_once(header)


BEFORE_THE_ID = ("content_type", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration")


@given(other_properties, st.integers(0, 4), st.binary(max_size=6), st.booleans())
def test_and_behind_a_message_that_begins_like_them(
    parts: dict[str, bytes], cut: int, more: bytes, is_of_its_length: bool
) -> None:
    before = {name: part for name, part in parts.items() if name in BEFORE_THE_ID}
    first = encoded({**before, "message_id": short(b"m-1")})
    message_in(first, b"", "orders")
    tail = short(more) if is_of_its_length else more
    assert_the_same_as_at_once(first[: len(first) - cut] + tail)
    assert_the_same_as_at_once(encoded({**parts, "message_id": short(b"m-1")}))
    assert_the_same_as_at_once(first)


@pytest.mark.parametrize(
    ("given_properties", "is_skimmed"),
    [
        ({}, True),
        ({"message_id": "m", "content_type": "application/json", "delivery_mode": 2, "headers": {}}, True),
        ({"message_id": "m", "headers": {"traceparent": "00-1-2-01"}}, True),
        ({"content_encoding": "gzip"}, False),
        ({"message_id": "straße"}, False),
    ],
)
def test_what_most_messages_have_waits(given_properties: dict[str, object], is_skimmed: bool) -> None:
    properties = spec.Basic.Properties(**given_properties)  # type: ignore[arg-type]  # each as its field takes it
    assert (skim(ContentHeader(properties=properties).marshal()) is not None) is is_skimmed


def test_they_are_decoded_once() -> None:
    reads = []

    def read() -> Properties:
        reads.append(1)
        return replace(Properties(), message_id="m", app_id="shop")

    message = Message.unread(b"", "orders", "", "", False, "m", {}, read)
    assert (message.message_id, message.content_encoding, message.attempt, reads) == ("m", None, 1, [])
    assert (message.properties.app_id, message.content_type, reads) == ("shop", None, [1])


PLAIN_VALUES = st.one_of(
    st.text(max_size=20), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1), st.booleans()
)


@given(st.dictionaries(st.text(max_size=20), PLAIN_VALUES, min_size=1, max_size=6), st.integers(0, 300), st.binary())
def test_plain_headers_read_the_same_whole_or_broken(values: dict[str, object], at: int, more: bytes) -> None:
    header = ContentHeader(properties=spec.Basic.Properties(headers=table(values), message_id="m")).marshal()
    assert_the_same_as_at_once(header)
    assert_the_same_as_at_once(header[:at] + more + header[at + len(more) :])
