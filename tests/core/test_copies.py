"""A copy of ours has the body and properties of its message, counts attempts and copies, and can't loop by itself."""

from consumer.core.copies import retry_copy, saved_copy
from consumer.core.delivery import Message, Outgoing, Properties

AT = "2024-05-06T07:08:09+00:00"
MESSAGE = Message(
    b"\x00body", "orders", "shop", "order.paid", True, Properties("m1", {"tenant": "a"}, "application/json", priority=5)
)


def delivered(copy: Outgoing, **headers: object) -> Message:
    """The copy as it arrives."""
    properties = Properties(copy.properties.message_id, {**copy.properties.headers, **headers})
    return Message(copy.body, copy.routing_key, "", copy.routing_key, properties=properties)


def test_body_and_properties_are_untouched_and_it_goes_to_its_own_queue() -> None:
    copy = retry_copy(MESSAGE, 2, AT)
    assert (copy.body, copy.exchange, copy.routing_key) == (b"\x00body", "", "orders")
    assert (copy.properties.message_id, copy.properties.content_type, copy.properties.priority) == (
        "m1",
        "application/json",
        5,
    )
    assert copy.properties.headers["tenant"] == "a"


def test_attempts_and_the_first_failure_are_counted_across_copies() -> None:
    second = delivered(retry_copy(MESSAGE, 2, AT))
    third = delivered(retry_copy(second, 3, "later"))
    assert (second.attempt, third.attempt) == (2, 3)
    assert third.properties.headers["x-lastcall-first-failed-at"] == AT


def test_what_could_not_be_started_has_not_failed() -> None:
    assert "x-lastcall-first-failed-at" not in retry_copy(MESSAGE, MESSAGE.attempt, AT).properties.headers


def test_where_it_came_from_at_first_is_seen_through_copies() -> None:
    second = delivered(saved_copy(delivered(retry_copy(MESSAGE, 2, AT))))
    assert (second.origin, second.copies) == (("shop", "order.paid"), 2)


def test_headers_that_somebody_else_wrote_are_no_origin() -> None:
    headers = {"x-lastcall-exchange": "elsewhere", "x-lastcall-routing-key": "x"}
    assert Message(b"", "orders", "shop", "order.paid", properties=Properties(headers=headers)).origin == (
        "shop",
        "order.paid",
    )


def test_a_saved_copy_is_no_further_attempt_and_begins_the_brokers_count_anew() -> None:
    message = Message(b"", "orders", properties=Properties(headers={"x-delivery-count": 19, "x-lastcall-attempt": 4}))
    copy = delivered(saved_copy(message))
    assert (copy.attempt, copy.returns) == (4, 0)


def test_original_and_copy_are_different_messages_and_a_redelivery_is_the_same() -> None:
    assert MESSAGE.identity() != delivered(saved_copy(MESSAGE)).identity()
    again = Message(MESSAGE.body, "orders", redelivered=True, properties=Properties("m1", {"x-delivery-count": 3}))
    assert MESSAGE.identity() == again.identity()
    assert Message(b"", "orders").identity() is None


def test_the_same_id_with_another_body_is_another_message() -> None:
    assert MESSAGE.identity() != Message(b"other", "orders", properties=Properties("m1")).identity()


def test_deaths_in_our_delay_queues_leave_no_trace_and_others_do() -> None:
    ours = {"x-death": [{"queue": "orders.retry.4s"}], "x-first-death-queue": "orders.retry.4s"}
    assert not [
        name for name in saved_copy(delivered(saved_copy(MESSAGE), **ours)).properties.headers if "death" in name
    ]
    other = {"x-death": [{"queue": "incoming"}], "x-first-death-queue": "incoming"}
    assert saved_copy(delivered(saved_copy(MESSAGE), **other)).properties.headers["x-death"] == [{"queue": "incoming"}]


def test_it_goes_nowhere_else_and_does_not_expire() -> None:
    message = Message(b"", "orders", properties=Properties(headers={"CC": ["orders"]}, expiration="5000"))
    copy = retry_copy(message, 2, AT)
    assert "CC" not in copy.properties.headers
    assert (copy.properties.expiration, copy.properties.headers["x-lastcall-expiration"]) == (None, "5000")
