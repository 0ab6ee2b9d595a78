"""Which level queue a message waits in, and how it is published to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.core.delays import DEATHS_BEFORE, Delay
from consumer.core.delivery import Outgoing, Properties
from consumer.errors import LONGEST_RETRY, PublishFailed


@pytest.mark.parametrize(
    ("seconds", "name", "expiration"),
    [
        (0, "orders.retry.1s", "0"),
        (0.0004, "orders.retry.1s", "1"),
        (1, "orders.retry.1s", "1000"),
        (1.0001, "orders.retry.2s", "1001"),
        (3, "orders.retry.4s", "3000"),
        (4, "orders.retry.4s", "4000"),
        (LONGEST_RETRY, "orders.retry.2097152s", "2097152000"),
    ],
)
def test_a_message_waits_in_the_level_above_its_delay(seconds: float, name: str, expiration: str) -> None:
    delayed = Delay("orders", seconds).delayed(Outgoing(b"a", "orders"))
    assert (delayed.routing_key, delayed.properties.expiration) == (name, expiration)


@given(st.floats(1, LONGEST_RETRY))
def test_a_level_is_less_than_twice_the_delay(seconds: float) -> None:
    assert seconds <= Delay("orders", seconds).level < 2 * seconds + 1e-6


def test_a_level_queue_sends_what_expires_back_and_loses_nothing() -> None:
    assert Delay("orders", 3).declaration == {
        "x-queue-type": "quorum",
        "x-message-ttl": 4000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "orders",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-delivery-limit": 1_000_000_000,
    }


def test_the_deaths_that_a_message_came_with_are_kept_under_another_name_once() -> None:
    first = Delay("orders", 1).delayed(Outgoing(b"a", "orders", properties=Properties(headers={"x-death": ["first"]})))
    assert first.properties.headers == {DEATHS_BEFORE: ["first"]}
    headers = {**first.properties.headers, "x-death": ["second"]}
    second = Delay("orders", 1).delayed(Outgoing(b"a", "orders", properties=Properties(headers=headers)))
    assert second.properties.headers == {DEATHS_BEFORE: ["first"]}


def test_a_level_queue_whose_name_amqp_cannot_carry_fails_for_good() -> None:
    assert len(Delay("x" * 240, LONGEST_RETRY).name) == 255
    with pytest.raises(PublishFailed, match="at most 240 bytes") as failed:
        Delay("x" * 248, 1)
    assert failed.value.permanent
