"""Copies that save a message, and counts of its attempts, where leases are lost and queues count for themselves."""

import pytest

from consumer import Delivery, PublishFailed, Requeue, RetryPolicy
from consumer.testing.fake import FakeBroker
from tests.engine.stage import LONG, Stage, turns, within

NEAR = {"x-delivery-count": 15}


@pytest.fixture
def foreign(stage: Stage) -> Stage:
    stage.fake = FakeBroker(version=(4, 0))
    stage.fake.declare("orders", {"x-queue-type": "quorum"})
    stage.make()
    return stage


async def test_a_lease_lost_while_a_message_is_being_saved_makes_no_second_copy(foreign: Stage) -> None:
    foreign.handle(concurrency=1)
    foreign.put("a", headers=NEAR)
    await foreign.running("a")
    confirm = foreign.fake.hold("confirm")
    foreign.handling.fail("a", Requeue())
    await within(confirm.reached)
    foreign.handling.forget("a")
    foreign.fake.cut()
    await foreign.told("joined")
    confirm.open()
    await foreign.told("settled")
    await foreign.handling.begun("a")
    foreign.handling.finish("a")
    await foreign.told("settled", 2)
    await turns()
    assert foreign.handling.started == ["a", "a"]
    assert (await foreign.drained()).exit_code == 0
    assert foreign.fake.is_empty("orders")


async def test_a_message_whose_lease_is_lost_is_not_saved_at_the_drain(foreign: Stage) -> None:
    """It is back in its queue already."""
    foreign.handle(concurrency=1, prefetch=3)
    foreign.put("a")
    foreign.put("b", "c", headers=NEAR)
    await foreign.running("a")
    await foreign.told("received", 3)

    @foreign.worker.observe
    def cut_at_the_first(event: object) -> None:
        if getattr(event, "name", "") == "drain_started":
            foreign.fake.cut()

    foreign.worker.stop()
    await foreign.told("drain_started")
    foreign.handling.finish("a")
    await foreign.report()
    assert foreign.ready() == ["a", "b", "c"]


async def test_a_handlers_requeue_near_the_limit_does_not_burn_the_rest_while_publishing_fails(foreign: Stage) -> None:
    """Nacked each time it would come back at once, and be dropped by its queue after the last few."""
    runs = []

    @foreign.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise Requeue

    foreign.fake.fail("confirm", PublishFailed("the queue is full"))
    foreign.put("a", headers=NEAR)
    foreign.start()
    await foreign.told("settled", 2)
    assert foreign.ids("requeued") == []
    assert [event.data["error"] for event in foreign.of("saving_failed")] == ["the queue is full"]
    await foreign.drained()


async def test_a_saving_that_fails_in_a_way_nobody_thought_of_ends_in_a_nack(foreign: Stage) -> None:
    foreign.handle(concurrency=1, prefetch=3)
    foreign.put("a")
    foreign.put("b", "c", headers=NEAR)
    await foreign.running("a")
    await foreign.told("received", 3)
    foreign.fake.fail("confirm", RuntimeError("a defect"))  # type: ignore[arg-type]  # what the port does not allow
    foreign.worker.stop()
    await foreign.told("requeued")
    foreign.handling.finish("a")
    await foreign.report()
    assert (foreign.ids("requeued"), foreign.ready()) == (["b"], ["b", "c"])


@pytest.fixture
def delaying(stage: Stage) -> Stage:
    delays = {"x-delayed-retry-type": "failed", "x-delayed-retry-min": 1_000}
    stage.fake.declare("orders", {"x-queue-type": "quorum", "x-delivery-limit": 1_000, **delays})
    return stage


async def test_attempts_made_in_place_count_where_the_queue_delays_by_itself(delaying: Stage) -> None:
    """The broker would count one of them."""
    policy = RetryPolicy(attempts=4, first_wait=0.001, factor=1_000, longest_wait=8, jitter=0, in_place=1.5)

    @delaying.worker.handler("orders", retry=policy)
    async def work(_delivery: Delivery) -> None:
        raise ValueError("broken")

    delaying.put("a")
    delaying.start()
    await delaying.told("put_off")
    ((copy, seconds),) = delaying.fake.delayed("orders")
    assert (copy.attempt, seconds, delaying.fake.rejected) == (4, 8, [])
    await delaying.drained()


async def test_attempts_beyond_what_ends_workers_are_made_where_the_queue_delays_by_itself(delaying: Stage) -> None:
    delaying.handle(retry=RetryPolicy(attempts=80, first_wait=LONG))
    delaying.put("a", headers={"x-delivery-count": 60})
    delaying.put("b", headers={"x-delivery-count": 150})
    await delaying.running("a")
    assert delaying.handling.deliveries["a"].attempt == 61
    await delaying.told("parked")
    assert delaying.ids("parked") == ["b"]
    delaying.handling.finish("a")
    await delaying.drained()
