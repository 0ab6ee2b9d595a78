"""A redelivery of a message that is being run here, or was, is settled with that run: no handler starts for it."""

import asyncio

import pytest

from consumer import Delivery, Requeue, RetryPolicy
from consumer.engine import runs
from tests.engine.stage import Stage, turns, within


async def lose_the_lease(stage: Stage, received: int) -> None:
    """Cut, and wait until so many deliveries have come in all."""
    stage.fake.cut()
    await stage.told("received", received)
    await turns()


def told_of(stage: Stage) -> list[object]:
    return [event.data["to"] for event in stage.of("joined")]


async def test_it_waits_for_the_running_handler_and_is_acked_with_it(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    await lose_the_lease(stage, 2)
    assert stage.unacked() == ["a"], "the redelivery waits"
    stage.handling.finish("a")
    await stage.told("settled")
    assert (stage.handling.started, told_of(stage)) == (["a"], ["handler"])
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_it_takes_no_slot_while_it_waits(stage: Stage) -> None:
    stage.handle(concurrency=2, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    await lose_the_lease(stage, 4)
    stage.handling.finish("b")
    await stage.told("settled")
    stage.put("c")
    await stage.handling.begun("c")
    assert stage.handling.started == ["a", "b", "c"]
    stage.handling.finish("a", "c")
    await stage.drained()


async def test_through_several_losses_the_last_one_counts(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    for received in (2, 3, 4):
        await lose_the_lease(stage, received)
    stage.handling.finish("a")
    await stage.told("settled")
    assert (stage.handling.started, told_of(stage)) == (["a"], ["handler"] * 3)
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_run_that_ended_while_away_is_acked_from_memory_once(stage: Stage) -> None:
    stage.handle(concurrency=1)
    stage.put("a")
    await stage.running("a")
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    stage.handling.finish("a")
    await stage.told("finished")
    gate.open()
    await stage.told("settled")
    assert (stage.handling.started, told_of(stage)) == (["a"], ["memory"])
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_failure_while_away_is_parked_from_memory(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("finished")
    gate.open()
    await stage.told("settled")
    assert stage.handling.started == ["a"]
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.properties.headers["x-lastcall-exception"] == "ValueError"
    await stage.drained()


async def test_what_was_to_be_returned_while_away_is_run_again(stage: Stage) -> None:
    runs_of_a = []

    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        runs_of_a.append(1)
        if len(runs_of_a) == 1:
            stage.fake.cut()
            raise Requeue

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert (len(runs_of_a), told_of(stage)) == (2, [])
    await stage.drained()


async def test_a_publishers_duplicate_is_another_message_and_is_run(stage: Stage) -> None:
    """Same id and body, on leases that stand: one of them redelivered since another worker handed it back."""
    stage.handle(concurrency=1)
    stage.put("a", "a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled", 2)
    assert stage.handling.started == ["a", "a"]
    await stage.drained()


async def test_one_run_settles_one_redelivery_and_a_duplicate_beside_it_is_run(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "a")
    await stage.running("a")
    await stage.told("received", 2)
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    stage.handling.finish("a")
    await stage.told("finished")
    gate.open()
    await stage.told("settled", 2)
    assert (stage.handling.started, told_of(stage)) == (["a", "a"], ["memory"])
    await stage.drained()


async def test_duplicates_that_both_run_are_joined_by_one_redelivery_each(stage: Stage) -> None:
    go = asyncio.Event()
    started = []

    @stage.worker.handler("orders", concurrency=4)
    async def work(delivery: Delivery) -> None:
        started.append(delivery.message_id)
        await go.wait()

    stage.put("a", "a")
    await stage.running()
    await stage.told("started", 2)
    await lose_the_lease(stage, 4)
    stage.put("a")
    await stage.told("started", 3)
    go.set()
    await stage.told("settled", 3)
    assert (len(started), told_of(stage)) == (3, ["handler", "handler"])
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_messages_without_an_id_are_run_again(stage: Stage) -> None:
    started = []
    go = asyncio.Event()

    @stage.worker.handler("orders", concurrency=2)
    async def work(delivery: Delivery) -> None:
        started.append(delivery.message_id)
        await go.wait()

    stage.fake.put("orders")
    await stage.running()
    await lose_the_lease(stage, 2)
    go.set()
    await stage.told("settled")
    assert started == [None, None]
    await stage.drained()


async def test_a_drain_waits_for_the_handler_and_settles_what_joined_it(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    await lose_the_lease(stage, 2)
    stage.worker.stop()
    await turns()
    assert stage.unacked() == ["a"], "handed back, it would be run elsewhere at the same time"
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_at_the_deadline_what_joined_goes_back_with_its_orphan(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    await lose_the_lease(stage, 2)
    report = await stage.drained()
    assert (report.exit_code, report.orphans) == (3, ["a"])
    assert stage.ready() == ["a"]
    assert not stage.fake.returned_by_closing[1:], "the first loss alone returned it by closing"


async def test_what_joined_an_orphan_that_does_not_end_goes_back_too(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    never = asyncio.Event()

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await stage.handling.run(delivery) if never.is_set() else await deaf(never)

    stage.put("a")
    await stage.running()
    await stage.told("started")
    await lose_the_lease(stage, 2)
    assert (await stage.drained()).orphans == ["a"]
    assert stage.ready() == ["a"]
    never.set()


async def test_the_memory_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MEMORY", 1)
    stage.handle(concurrency=2)
    stage.put("a", "b")
    await stage.running("a", "b")
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    stage.handling.finish("a", "b")
    await stage.told("finished", 2)
    gate.open()
    await stage.told("settled", 2)
    assert (stage.handling.started, told_of(stage)) == (["a", "b", "a"], ["memory"])
    await stage.drained()


async def test_a_handler_that_asks_for_it_is_cancelled_when_its_lease_is_lost(stage: Stage) -> None:
    stage.handle(on_lease_lost="cancel")
    stage.put("a")
    await stage.running("a")
    stage.handling.forget("a")
    stage.fake.cut()
    await stage.handling.begun("a")
    assert (stage.handling.cancelled, stage.handling.started) == (["a"], ["a", "a"])
    stage.handling.finish("a")
    await stage.told("settled")
    assert (await stage.drained()).exit_code == 0


async def test_a_lease_lost_while_a_copy_is_being_confirmed_makes_no_second_copy(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    confirm = stage.fake.hold("confirm")
    stage.handling.fail("a", ValueError("broken"))
    await within(confirm.reached)
    await lose_the_lease(stage, 2)
    confirm.open()
    await stage.told("settled")
    assert len(stage.fake.ready("orders.parked")) == 1
    assert (stage.handling.started, told_of(stage)) == (["a"], ["handler"])
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_copy_confirmed_while_away_only_has_its_original_acked(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    confirm = stage.fake.hold("confirm")
    stage.handling.fail("a", ValueError("broken"))
    await within(confirm.reached)
    connect = stage.fake.hold("connect")
    stage.fake.cut()
    await within(connect.reached)
    confirm.open()
    await stage.told("parked")
    await turns()
    connect.open()
    await stage.told("settled")
    assert len(stage.fake.ready("orders.parked")) == 1
    assert (stage.handling.started, told_of(stage)) == (["a"], ["memory"])
    await stage.drained()


async def test_a_copy_for_another_attempt_is_not_taken_for_the_message_that_it_was_made_of(stage: Stage) -> None:
    """The original's ack was lost with its lease, and so is in memory; the copy comes redelivered as well."""
    stage.handle(retry=RetryPolicy(attempts=2, first_wait=30, in_place=0))
    stage.put("a")
    await stage.running("a")
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("settled")
    stage.handling.forget("a")
    stage.fake.cut()  # the ack is in memory now, as one that may have been lost
    stage.fake.release("orders")
    await stage.handling.begun("a")
    await lose_the_lease(stage, 3)
    stage.handling.finish("a")
    await stage.told("settled", 2)
    assert (stage.handling.started, told_of(stage)) == (["a", "a"], ["handler"])
    await stage.drained()
    assert stage.fake.is_empty("orders")


async def deaf(never: asyncio.Event) -> None:
    while not never.is_set():
        try:
            await never.wait()
        except asyncio.CancelledError:
            continue
