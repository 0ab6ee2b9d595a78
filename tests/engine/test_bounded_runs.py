"""A worker that is told to work so much, or to leave when there is nothing to do, does that."""

import asyncio

import pytest

from tests.engine.stage import Stage, within


@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_max_messages_starts_exactly_so_many_and_hands_back_the_rest(stage: Stage, concurrency: int) -> None:
    stage.make(max_messages=3)
    stage.handle(concurrency=concurrency, prefetch=5)
    stage.put("a", "b", "c", "d", "e", "f")
    stage.handling.finish("a", "b", "c")
    stage.start()
    report = await stage.report()
    assert (report.exit_code, report.reason) == (0, "max messages reached")
    assert stage.handling.started == ["a", "b", "c"]
    assert stage.ids("settled") == ["a", "b", "c"]
    assert stage.ready() == ["d", "e", "f"]
    assert stage.fake.returned_by_closing == []


async def test_max_messages_counts_over_all_queues(stage: Stage) -> None:
    stage.make(max_messages=2)
    stage.handle("orders", concurrency=5)
    stage.handle("refunds", concurrency=5)
    stage.put("a", "b", queue="orders")
    stage.put("c", "d", queue="refunds")
    stage.handling.finish("a", "b", "c", "d")
    stage.start()
    await stage.report()
    assert len(stage.handling.started) == 2
    assert len(stage.fake.ready("orders")) + len(stage.fake.ready("refunds")) == 2


async def test_idle_timeout_ends_a_worker_with_nothing_to_do(stage: Stage) -> None:
    stage.make(idle_timeout=0.02)
    stage.handle()
    stage.start()
    report = await stage.report()
    assert (report.exit_code, report.reason) == (0, "idle")


async def test_idle_timeout_does_not_count_while_a_handler_runs(stage: Stage) -> None:
    stage.make(idle_timeout=0.02)
    stage.handle()
    stage.put("a")
    serving = stage.start()
    await stage.handling.begun("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.shield(serving)
    stage.handling.finish("a")
    assert (await within(serving)).reason == "idle"


async def test_a_broker_that_is_away_is_not_idleness(stage: Stage) -> None:
    """The queue may be full: nothing can be told of it."""
    stage.make(idle_timeout=0.02)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    connect = stage.fake.hold("connect")
    stage.fake.cut()
    await within(connect.reached)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.shield(stage.serving)
    connect.open()
    stage.handling.finish("a")
    assert (await stage.report()).reason == "idle"
    assert stage.fake.is_empty("orders")


async def test_idle_timeout_counts_again_after_a_lost_connection(stage: Stage) -> None:
    stage.make(idle_timeout=0.05)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.fake.cut()
    await stage.told("received", 2)
    stage.handling.finish("a")
    assert (await stage.report()).reason == "idle"
    assert stage.fake.is_empty("orders")
