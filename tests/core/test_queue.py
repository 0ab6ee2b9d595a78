"""What a queue is declared with when it is absent, and what a prefix changes."""

import pytest

from consumer.core.queue import UNREACHABLE_DELIVERY_LIMIT, Binding, Queue
from consumer.errors import ConfigurationError

PARKED = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.parked"}
QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": UNREACHABLE_DELIVERY_LIMIT, **PARKED}


@pytest.mark.parametrize(
    ("queue", "declaration"),
    [
        (Queue("orders"), QUORUM),
        (Queue("orders", type="quorum"), QUORUM),
        (Queue("orders", type="classic"), {"x-queue-type": "classic", **PARKED}),
        (Queue("orders", single_active_consumer=True), {**QUORUM, "x-single-active-consumer": True}),
        (Queue("orders", arguments={"x-max-length": 5}), {**QUORUM, "x-max-length": 5}),
        (Queue("orders", arguments={"x-delivery-limit": 7}), {**QUORUM, "x-delivery-limit": 7}),
        (Queue("orders", consumer_priority=5), QUORUM),
    ],
    ids=str,
)
def test_an_absent_queue_is_declared_so(queue: Queue, declaration: dict[str, object]) -> None:
    assert queue.declaration == declaration


def test_the_delivery_limit_is_a_large_number_because_minus_one_drops_messages_on_3_10() -> None:
    assert UNREACHABLE_DELIVERY_LIMIT == 1_000_000_000


@pytest.mark.parametrize("name", ["", "amq.mine", "x" * 249, "é", "shop's", "a\nb"])
def test_a_name_that_amqp_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="1 to 248 bytes"):
        Queue(name)


@pytest.mark.parametrize("name", ["x", "x" * 248, "orders amq.", "A-_.:@#,/+ 9"])
def test_any_other_name_is_taken(name: str) -> None:
    assert Queue(name).name == name


def test_a_prefix_goes_before_the_queue_its_parking_queue_and_its_exchanges() -> None:
    bindings = [Binding("shop", "order.#"), Binding("amq.topic", "order.#")]
    queue = Queue("orders", bindings, type="classic", consumer_priority=3).prefixed("t1.")
    assert (queue.name, queue.parking) == ("t1.orders", "t1.orders.parked")
    assert [(binding.exchange, binding.routing_key) for binding in queue.bindings] == [
        ("t1.shop", "order.#"),
        ("amq.topic", "order.#"),
    ]
    assert (queue.type, queue.consumer_priority) == ("classic", 3)
    assert queue.declaration["x-dead-letter-routing-key"] == "t1.orders.parked"


def test_a_prefix_that_makes_a_name_too_long_is_refused_with_the_whole_name() -> None:
    name = "x" * 248
    with pytest.raises(ConfigurationError, match=f"'t1.{name}': it takes 1 to 248 bytes with its prefix"):
        Queue(name).prefixed("t1.")


def test_no_prefix_changes_nothing() -> None:
    queue = Queue("orders", (Binding("shop"),))
    assert queue.prefixed("") == queue
