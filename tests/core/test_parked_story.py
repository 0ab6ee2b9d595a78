"""A parked message's story is read whatever its headers hold; filters mean what they say; a replay is a fresh start."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.core.delivery import Defect, Message, Properties
from consumer.core.outcome import Parked
from consumer.core.parked import REPLAYS, ParkedStory, Wanted, replayed, story_of
from consumer.core.parking import bare_copy, parked_copy

AT = "2024-05-06T07:08:09+00:00"
TIME = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
PROPERTIES = Properties(
    message_id="m1",
    headers={"tenant": "a", "CC": ["audit"]},
    content_type="application/json",
    correlation_id="c1",
    priority=5,
    expiration="5000",
    timestamp=TIME,
)
MESSAGE = Message(b'{"id": 1}', "orders", "shop", "order.paid", properties=PROPERTIES)
FAILED = Parked("ValueError: no such Tenant", ValueError("no such Tenant"))


def in_parking_queue(headers: dict[str, object], body: bytes = b"{}") -> Message:
    return Message(body, "orders.parked", "", "orders.parked", properties=Properties("m1", headers))


def parked(message: Message = MESSAGE, outcome: Parked = FAILED, attempt: int = 3) -> Message:
    copy = parked_copy(message, "orders.parked", outcome, attempt, AT)
    return Message(copy.body, "orders.parked", "", "orders.parked", properties=copy.properties)


def test_the_story_is_what_parking_has_written() -> None:
    story = story_of(parked())
    assert story == ParkedStory(
        message_id="m1",
        reason="ValueError: no such Tenant",
        exception="ValueError",
        attempts=3,
        first_failed_at=TIME,
        parked_at=TIME,
        size=9,
        queue="orders",
        exchange="shop",
        routing_key="order.paid",
        replays=0,
        incomplete=None,
        traceback="ValueError: no such Tenant\n",
    )


def test_the_story_as_data_has_its_times_in_iso_8601() -> None:
    data = story_of(parked()).as_data()
    assert (data["parked_at"], data["attempts"], data["queue"]) == (AT, 3, "orders")


def test_the_first_failure_is_told_where_retries_have_kept_it() -> None:
    message = MESSAGE.replaced(properties=Properties(headers={"x-lastcall-first-failed-at": "2024-05-06T07:00:00Z"}))
    assert story_of(parked(message)).first_failed_at == datetime(2024, 5, 6, 7, tzinfo=UTC)


def test_a_message_that_rabbitmq_dead_lettered_tells_its_last_death() -> None:
    death = {"reason": "delivery_limit", "queue": "orders", "exchange": "shop", "routing-keys": ["paid"], "time": TIME}
    story = story_of(in_parking_queue({"x-death": [death, {"reason": "expired", "queue": "elsewhere"}]}))
    assert (story.queue, story.exchange, story.routing_key, story.parked_at) == ("orders", "shop", "paid", TIME)
    assert story.reason == "dead-lettered by RabbitMQ: delivery_limit"


def test_our_story_comes_before_an_older_death() -> None:
    headers: dict[str, object] = {"x-death": [{"queue": "orders.retry.1000", "reason": "expired"}]}
    story = story_of(parked(MESSAGE.replaced(properties=Properties(headers=headers))))
    assert (story.queue, story.reason) == ("orders", "ValueError: no such Tenant")


def test_a_message_without_any_story_says_so() -> None:
    story = story_of(in_parking_queue({}))
    assert (story.reason, story.queue, story.parked_at, story.attempts) == ("no header tells why", None, None, 1)


@pytest.mark.parametrize("lost", ["bare", "raw", "defect"])
def test_what_was_lost_at_the_parking_is_told(lost: str) -> None:
    if lost == "bare":
        copy = bare_copy(MESSAGE, "orders.parked", FAILED, 1, AT, "the headers take 200000 bytes")
        message = Message(copy.body, "orders.parked", properties=copy.properties)
    elif lost == "raw":
        message = parked(MESSAGE.replaced(defect=Defect("its properties can't be decoded", b"\xff")))
    else:
        message = parked().replaced(defect=Defect("its properties can't be decoded", b"\xff"))
    assert story_of(message).incomplete
    assert story_of(parked()).incomplete is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=5,
)
OURS = (
    "reason",
    "queue",
    "exchange",
    "routing-key",
    "attempt",
    "parked-at",
    "exception",
    "traceback",
    "replays",
    "copy",
)
NAMES = st.sampled_from([*(f"x-lastcall-{name}" for name in OURS), "x-death", "x-first-death-queue", "CC", "tenant"])
DEATHS = st.lists(st.dictionaries(st.sampled_from(["reason", "queue", "exchange", "routing-keys", "time"]), VALUES))


@given(st.dictionaries(NAMES, VALUES | DEATHS))
def test_whatever_stands_in_its_headers_a_message_can_be_read_filtered_and_replayed(headers: dict[str, object]) -> None:
    message = in_parking_queue(headers)
    story = story_of(message)
    assert Wanted().matches(story)
    assert story.as_data()
    assert replayed(message, "orders").routing_key == "orders"


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (Wanted(), True),
        (Wanted(ids=frozenset({"m1", "m2"})), True),
        (Wanted(ids=frozenset({"m2"})), False),
        (Wanted(reason="NO SUCH tenant"), True),
        (Wanted(reason="timeout"), False),
        (Wanted(exception="valueerror"), True),
        (Wanted(exception="Value"), False),
        (Wanted(since=TIME), True),
        (Wanted(since=TIME.replace(second=10)), False),
        (Wanted(until=TIME), False),
        (Wanted(until=TIME.replace(second=10)), True),
        (Wanted(min_attempts=3), True),
        (Wanted(min_attempts=4), False),
        (Wanted(reason="tenant", min_attempts=4), False),
    ],
)
def test_a_filter_means_all_that_it_says(wanted: Wanted, matches: bool) -> None:
    assert wanted.matches(story_of(parked())) is matches


@pytest.mark.parametrize("name", ["Outer.Broken", "broken"])
def test_a_nested_exception_is_found_by_its_whole_and_by_its_own_name(name: str) -> None:
    message = in_parking_queue({"x-lastcall-reason": "", "x-lastcall-exception": "Outer.Broken"})
    assert Wanted(exception=name).matches(story_of(message))


@pytest.mark.parametrize("at", ["soon", "", "0001-01-01T00:00:00+14:00", 7])
def test_a_time_that_is_none_is_no_time(at: object) -> None:
    assert story_of(in_parking_queue({"x-lastcall-reason": "", "x-lastcall-parked-at": at})).parked_at is None


@pytest.mark.parametrize("wanted", [Wanted(since=TIME), Wanted(until=TIME)])
def test_a_message_without_a_time_is_in_no_time_span(wanted: Wanted) -> None:
    assert not wanted.matches(story_of(in_parking_queue({})))


def test_a_replay_takes_the_story_off_and_counts_itself_and_the_copy() -> None:
    copy = replayed(parked(), "orders")
    assert (copy.exchange, copy.routing_key, copy.body) == ("", "orders", MESSAGE.body)
    assert copy.properties.headers == {
        "tenant": "a",
        "x-lastcall-cc": ["audit"],
        "x-lastcall-exchange": "shop",
        "x-lastcall-routing-key": "order.paid",
        "x-lastcall-expiration": "5000",
        "x-lastcall-copy": 2,
        REPLAYS: 1,
    }


def test_a_replay_leaves_all_other_properties_and_restores_no_time_to_live() -> None:
    copy = replayed(parked(), "orders")
    assert replace(copy.properties, headers={}) == replace(PROPERTIES, headers={}, expiration=None)


def test_a_replayed_message_that_is_parked_and_replayed_again_counts_both_and_knows_its_origin() -> None:
    first = replayed(parked(), "orders")
    again = parked(Message(first.body, "orders", "", "orders", properties=first.properties), attempt=1)
    assert (story_of(again).replays, story_of(again).exchange) == (1, "shop")
    second = replayed(again, "orders").properties.headers
    assert (second[REPLAYS], second["x-lastcall-copy"], second["x-lastcall-exchange"]) == (2, 4, "shop")


def test_what_rabbitmq_counted_in_the_parking_queue_is_not_the_messages_own() -> None:
    message = in_parking_queue({"x-delivery-count": 7, "x-acquired-count": 9, "x-lastcall-reason": "why"})
    assert not replayed(message, "orders").properties.headers.keys() & {"x-delivery-count", "x-acquired-count"}


def test_a_replayed_dead_letter_remembers_where_it_was_first_published() -> None:
    death = {"reason": "expired", "queue": "orders", "exchange": "shop", "routing-keys": ["paid"]}
    headers = replayed(in_parking_queue({"x-death": [death], "CC": ["orders"]}), "orders").properties.headers
    assert (headers["x-lastcall-exchange"], headers["x-lastcall-routing-key"]) == ("shop", "paid")
    assert "CC" not in headers
