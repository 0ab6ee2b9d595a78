"""A lease that is lost again, or while a copy is being made: one outcome, one copy, and no run without need."""

import asyncio

from consumer import Delivery, RetryPolicy
from tests.engine.stage import Stage, turns, within


async def test_a_redelivery_joins_one_that_is_being_settled_from_memory(stage: Stage) -> None:
    """It had failed while the connection was away; the connection goes again while its parking is being confirmed."""
    stage.handle()
    stage.put("a")
    await stage.running("a")
    connect = stage.fake.hold("connect")
    stage.fake.cut()
    await within(connect.reached)
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("finished")
    confirm = stage.fake.hold("confirm")
    connect.open()
    await within(confirm.reached)
    stage.fake.cut()
    await stage.told("received", 3)
    await turns()
    confirm.open()
    await stage.told("settled")
    assert stage.handling.started == ["a"], "run again, though it was parked"
    assert len(stage.fake.ready("orders.parked")) == 1
    assert stage.ids("started") == ["a"], "what is settled from memory is not started"
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_redelivery_of_a_duplicate_joins_the_run_and_not_the_memory_of_the_other(stage: Stage) -> None:
    """One of two messages with the same id and body was acked, the other runs. The one that comes back is the other."""
    stage.handle(concurrency=1)
    stage.put("a", "a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled")
    stage.handling.forget("a")
    await stage.handling.begun("a")
    stage.fake.cut()
    await stage.told("joined")
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("settled", 2)
    assert len(stage.fake.ready("orders.parked")) == 1, "acked for the other one's sake"
    await stage.drained()


async def test_a_duplicate_that_was_not_started_is_run_and_not_acked_for_the_others_sake(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b", "a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.handling.begun("b")
    stage.handling.forget("a")
    await stage.told("received", 3)
    stage.fake.cut()
    stage.handling.finish("b")
    await stage.handling.begun("a")
    stage.handling.finish("a")
    await stage.told("settled", 3)
    assert stage.handling.started == ["a", "b", "a"]
    await stage.drained()


async def test_an_id_that_a_publisher_uses_again_is_not_taken_for_one_whose_ack_may_be_lost(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.handling.begun("b")
    stage.handling.forget("a")
    stage.fake.cut()  # the ack of a is in memory now, as one that may have been lost; it was not
    await stage.told("received", 3)
    stage.put("a")
    await stage.told("received", 4)
    stage.fake.cut()
    stage.handling.finish("b")
    await stage.handling.begun("a")
    stage.handling.finish("a")
    await stage.told("settled", 3)
    assert stage.handling.started == ["a", "b", "a"]
    await stage.drained()


async def test_no_attempt_is_started_once_the_lease_is_lost(stage: Stage) -> None:
    """Its message may be running elsewhere by then; if it comes back here, it is put off with its count."""
    attempts = []

    @stage.worker.handler("orders", retry=RetryPolicy(attempts=3, first_wait=0.02, jitter=0))
    async def work(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if len(attempts) == 1:
            raise ValueError("broken")

    stage.put("a")
    stage.start()
    await stage.told("retrying")
    connect = stage.fake.hold("connect")
    stage.fake.cut()
    await within(connect.reached)
    await asyncio.sleep(0.05)
    assert attempts == [1]
    connect.open()
    await stage.told("put_off")
    ((copy, _),) = stage.fake.delayed("orders")
    assert copy.attempt == 2
    stage.fake.release("orders")
    await stage.told("settled", 2)
    assert attempts == [1, 2]
    await stage.drained()


async def test_a_wait_in_place_goes_on_for_a_redelivery_that_has_joined_it(stage: Stage) -> None:
    attempts = []

    @stage.worker.handler("orders", retry=RetryPolicy(attempts=3, first_wait=0.05, jitter=0))
    async def work(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if len(attempts) == 1:
            raise ValueError("broken")

    stage.put("a")
    stage.start()
    await stage.told("retrying")
    stage.fake.cut()
    await stage.told("settled")
    assert (attempts, stage.of("put_off"), len(stage.of("joined"))) == ([1, 2], [], 1)
    await stage.drained()


async def test_what_joined_a_run_that_was_cancelled_before_its_first_step_goes_back(stage: Stage) -> None:
    """The lease goes in the same turn as the task, before any code of ours has run in it."""

    def cancel_it_and_cut() -> None:
        [task] = [each for each in asyncio.all_tasks() if each.get_name() == "work a"]
        task.cancel()
        stage.fake.cut()

    @stage.worker.observe
    def ahead_of_its_first_step(event: object) -> None:
        if getattr(event, "name", "") == "started" and len(stage.of("started")) == 1:
            asyncio.get_running_loop().call_soon(cancel_it_and_cut)

    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled")
    assert stage.handling.started == ["a"]
    await stage.drained()
