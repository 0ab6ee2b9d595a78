"""A parked copy has the message's body and properties, and its story in headers that never outgrow a frame."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.core.delivery import Message, Properties
from consumer.core.headers import ATTEMPT
from consumer.core.outcome import Parked, outcome_of
from consumer.core.parking import REASON_BYTES, TRACEBACK_BYTES, bare_copy, bounded, parked_copy
from consumer.core.retry import RetryPolicy

AT = "2024-05-06T07:08:09+00:00"
PROPERTIES = Properties(
    message_id="m1",
    headers={"tenant": "a", ATTEMPT: 3},
    content_type="application/json",
    correlation_id="c1",
    priority=5,
    timestamp=datetime(2024, 5, 6, tzinfo=UTC),
)
MESSAGE = Message(b"\x00body", "orders", "shop", "order.paid", redelivered=True, properties=PROPERTIES)


def failing(text: str) -> None:
    raise ValueError(text)


def failed(text: str) -> Parked:
    try:
        failing(text)
    except ValueError as error:
        outcome = outcome_of(error, RetryPolicy(attempts=1), 1, 0)
    assert isinstance(outcome, Parked)
    return outcome


def test_body_and_properties_are_untouched() -> None:
    copy = parked_copy(MESSAGE, "orders.parked", Parked("why"), 3, AT)
    assert (copy.body, copy.exchange, copy.routing_key) == (b"\x00body", "", "orders.parked")
    for name in ("message_id", "content_type", "correlation_id", "priority", "timestamp"):
        assert getattr(copy.properties, name) == getattr(PROPERTIES, name)
    assert copy.properties.headers["tenant"] == "a"


def test_the_story_says_why_whence_when_and_which_attempt() -> None:
    headers = parked_copy(MESSAGE, "orders.parked", Parked("why"), 3, AT).properties.headers
    assert {name: value for name, value in headers.items() if name not in PROPERTIES.headers} == {
        "x-lastcall-reason": "why",
        "x-lastcall-queue": "orders",
        "x-lastcall-exchange": "shop",
        "x-lastcall-routing-key": "order.paid",
        "x-lastcall-parked-at": AT,
        "x-lastcall-copy": 1,
    }
    assert headers["x-lastcall-attempt"] == 3


def test_a_failure_leaves_its_type_and_traceback() -> None:
    headers = parked_copy(MESSAGE, "orders.parked", failed("no such tenant"), 3, AT).properties.headers
    assert headers["x-lastcall-exception"] == "ValueError"
    assert "in failing" in str(headers["x-lastcall-traceback"])
    assert str(headers["x-lastcall-traceback"]).rstrip().endswith("ValueError: no such tenant")


def test_a_time_to_live_is_kept_as_a_fact_and_does_not_expire_the_copy() -> None:
    message = Message(b"", "orders", properties=Properties(expiration="5000"))
    copy = parked_copy(message, "orders.parked", Parked("why"), 3, AT)
    assert copy.properties.expiration is None
    assert copy.properties.headers["x-lastcall-expiration"] == "5000"


def test_where_else_rabbitmq_would_route_the_copy_is_kept_as_a_fact() -> None:
    message = Message(b"", "orders", properties=Properties(headers={"CC": ["orders"], "BCC": ["audit"], "cc": "mine"}))
    for copy in (
        parked_copy(message, "orders.parked", Parked("why"), 3, AT),
        bare_copy(message, "orders.parked", Parked("why"), 3, AT, "too large"),
    ):
        assert not copy.properties.headers.keys() & {"CC", "BCC"}
    headers = parked_copy(message, "orders.parked", Parked("why"), 3, AT).properties.headers
    assert (headers["x-lastcall-cc"], headers["x-lastcall-bcc"], headers["cc"]) == (["orders"], ["audit"], "mine")


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_however_long_the_error_the_headers_are_bounded(size: int) -> None:
    headers = parked_copy(MESSAGE, "orders.parked", failed("é" * size), 3, AT).properties.headers
    assert len(str(headers["x-lastcall-reason"]).encode()) <= REASON_BYTES
    assert len(str(headers["x-lastcall-traceback"]).encode()) <= TRACEBACK_BYTES


@given(st.text(st.characters(codec="utf-8", exclude_characters=".")), st.integers(7, 200))
def test_a_bounded_text_fits_and_keeps_both_its_ends(text: str, limit: int) -> None:
    cut = bounded(text, limit)
    assert len(cut.encode()) <= limit
    if cut != text:
        head, _, tail = cut.partition(" ... ")
        assert len(text.encode()) > limit
        assert text.startswith(head)
        assert text.endswith(tail)


def test_text_that_utf8_cannot_carry_is_replaced_and_not_raised() -> None:
    assert bounded("a\ud800b", 100) == "a?b"


@pytest.mark.parametrize(
    ("header", "attempt"), [(1, 1), (7, 7), (0, 1), (-3, 1), ("7", 1), (None, 1), (2.5, 1), (True, 1)]
)
def test_a_wrong_attempt_header_counts_as_the_first(header: object, attempt: int) -> None:
    message = Message(b"", "orders", properties=Properties(headers={ATTEMPT: header}))
    assert message.attempt == attempt


def test_without_an_attempt_header_it_is_the_first() -> None:
    assert Message(b"", "orders").attempt == 1
