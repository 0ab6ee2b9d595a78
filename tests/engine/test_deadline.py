"""When the drain timeout passes, who still runs is cancelled, awaited, requeued and named: once, and whoever it is."""

import asyncio

import pytest

from consumer import Delivery, Requeue
from tests.engine.stage import Stage, turns, within


async def test_orphans_are_cancelled_awaited_nacked_and_named(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    cleaned = []

    @stage.worker.handler("orders", concurrency=3)
    async def work(delivery: Delivery) -> None:
        try:
            await stage.handling.run(delivery)
        finally:
            await asyncio.sleep(0)  # clean-up that takes its time
            cleaned.append((delivery.message_id, stage.unacked()))

    stage.put("a", "b", "c")
    await stage.running("a", "b", "c")
    stage.worker.stop()
    stage.handling.finish("c")
    report = await stage.report()
    assert report.exit_code == 3
    assert report.orphans == ["a", "b"]
    assert stage.handling.cancelled == ["a", "b"]
    assert cleaned[-2:] == [("a", ["a", "b"]), ("b", ["a", "b"])], "nacked only after their clean-up"
    assert [(event.message_id, event.data["reason"]) for event in stage.of("requeued")] == [
        ("a", "orphan"),
        ("b", "orphan"),
    ]
    assert stage.ids("orphaned") == ["a", "b"]
    assert stage.ready() == ["a", "b"]
    assert stage.fake.returned_by_closing == []


async def test_an_orphan_without_a_message_id_is_named_by_its_tag(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle()
    stage.fake.put("orders")
    await stage.running("None")
    assert (await stage.drained()).orphans == ["tag 1"]


async def test_a_handler_that_swallows_its_cancellation_is_requeued_and_not_acked(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        try:
            await stage.handling.run(delivery)
        except asyncio.CancelledError:
            return

    stage.put("a")
    await stage.running("a")
    report = await stage.drained()
    assert (report.exit_code, report.orphans) == (3, ["a"])
    assert stage.ids("requeued") == ["a"]
    assert stage.of("settled") == []


async def test_a_handler_that_fails_when_cancelled_is_requeued_and_not_parked(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        try:
            await stage.handling.run(delivery)
        except asyncio.CancelledError as cancelled:
            raise RuntimeError("half done") from cancelled

    stage.put("a")
    await stage.running("a")
    assert (await stage.drained()).orphans == ["a"]
    assert stage.ready() == ["a"]
    assert stage.fake.is_empty("orders.parked")


async def test_a_handler_that_never_ends_does_not_hold_the_drain(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    released = asyncio.Event()

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        stage.handling.started.append(str(delivery.message_id))
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    stage.put("a")
    await stage.running()
    await stage.told("started")
    report = await stage.drained()
    assert (report.exit_code, report.orphans) == (3, ["a"])
    assert stage.ready() == ["a"]
    released.set()  # and its late end settles nothing a second time
    await turns()
    assert stage.ids("requeued") == ["a"]
    assert stage.of("settled") == []


async def test_a_cancellation_of_the_handlers_own_making_is_a_failure_like_any_other(stage: Stage) -> None:
    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        inner = asyncio.ensure_future(asyncio.Event().wait())
        inner.cancel()
        await inner

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert [message.message_id for message in stage.fake.ready("orders.parked")] == ["a"]
    assert (await stage.drained()).exit_code == 0


@pytest.mark.parametrize("turns_between", range(8))
@pytest.mark.parametrize("first", ["finish", "deadline"])
async def test_a_handler_that_ends_at_the_deadline_is_acked_or_requeued(
    stage: Stage, first: str, turns_between: int
) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("drain_started")
    for step in ("finish", "deadline") if first == "finish" else ("deadline", "finish"):
        if step == "finish":
            stage.handling.finish("a")
        else:
            stage.worker.stop_now()
        await turns(turns_between)
    report = await stage.report()
    acked, requeued = stage.ids("settled"), stage.ids("requeued")
    assert acked + requeued == ["a"], "never both, never neither"
    assert report.orphans == requeued
    assert stage.ready() == requeued
    assert stage.fake.returned_by_closing == []


async def test_the_soft_deadline_lets_a_handler_stop_early_and_say_so(stage: Stage) -> None:
    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        stage.handling.started.append("a")
        await delivery.draining
        raise Requeue

    stage.put("a")
    await stage.running()
    await stage.told("started")
    report = await within(stage.drained())
    assert (report.exit_code, report.orphans) == (0, [])
    assert stage.ready() == ["a"]
