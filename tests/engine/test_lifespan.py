"""What the user opens is open before the first delivery and closed after the last handler, however the run ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from consumer import Delivery, LastcallError
from tests.engine.stage import Stage, turns, within


async def test_it_opens_before_the_first_delivery_and_closes_after_the_last_handler(stage: Stage) -> None:
    story = []

    @stage.worker.lifespan
    async def pool() -> AsyncIterator[None]:
        await turns(5)
        story.append("opened")
        yield
        story.append("closed")

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        story.append("started")
        await delivery.draining
        await turns()
        story.append("ended")

    stage.put("a")
    await stage.running()
    await stage.told("started")
    assert (await stage.drained()).exit_code == 0
    assert story == ["opened", "started", "ended", "closed"]


async def test_it_is_opened_and_closed_in_one_task(stage: Stage) -> None:
    tasks = []

    @stage.worker.lifespan
    async def scope() -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        yield
        tasks.append(asyncio.current_task())

    stage.handle()
    await stage.running()
    await stage.drained()
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


async def test_one_that_fails_to_open_ends_the_run_with_exit_code_1_and_no_connection(stage: Stage) -> None:
    async def connect() -> None:
        raise ConnectionError("no database")

    @stage.worker.lifespan
    async def pool() -> AsyncIterator[None]:
        await connect()
        yield

    stage.handle()
    stage.put("a")
    with pytest.raises(ConnectionError, match="no database"):
        await within(stage.start())
    assert stage.of("drain_finished")[0].data["exit_code"] == 1
    assert stage.fake.connections == []


async def test_a_stop_while_it_opens_cancels_the_opening_and_is_a_clean_exit(stage: Stage) -> None:
    opening, cleaned = asyncio.Event(), asyncio.Event()

    @stage.worker.lifespan
    async def pool() -> AsyncIterator[None]:
        try:
            opening.set()
            await asyncio.Event().wait()
            yield
        finally:
            cleaned.set()

    stage.handle()
    stage.start()
    await within(opening.wait())
    report = await within(stage.drained(), 2)
    assert report.exit_code == 0
    assert cleaned.is_set()
    assert stage.fake.connections == []


async def test_one_that_fails_to_close_is_told_and_changes_nothing_else(stage: Stage) -> None:
    @stage.worker.lifespan
    async def pool() -> AsyncIterator[None]:
        yield
        raise ConnectionError("gone already")

    stage.handle()
    await stage.running()
    assert (await stage.drained()).exit_code == 0
    assert [event.data["error"] for event in stage.of("lifespan_failed")] == ["ConnectionError('gone already')"]


async def test_one_that_does_not_close_is_cancelled_when_the_drain_timeout_has_passed(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)

    @stage.worker.lifespan
    async def pool() -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    stage.handle()
    await stage.running()
    assert (await within(stage.drained(), 2)).exit_code == 0
    assert len(stage.of("lifespan_failed")) == 1


async def test_it_is_closed_after_orphans_were_cancelled(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    ended_before_closing = []

    @stage.worker.lifespan
    async def pool() -> AsyncIterator[None]:
        yield
        ended_before_closing.extend(stage.handling.ended)

    stage.handle()
    stage.put("a")
    await stage.running("a")
    assert (await stage.drained()).exit_code == 3
    assert ended_before_closing == ["a"]


async def test_one_that_ends_while_the_worker_runs_drains_it_and_fails_the_run(stage: Stage) -> None:
    dies, closed_after = asyncio.Event(), []

    async def keep_alive() -> None:
        await dies.wait()
        raise ConnectionError("the pool has died")

    @stage.worker.lifespan
    async def pool() -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_alive())
            try:
                yield
            finally:
                closed_after.extend(stage.handling.ended)

    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    dies.set()
    await stage.told("requeued", message_id="b")
    assert stage.of("drain_started")[0].data["reason"] == "the lifespan ended"
    assert stage.handling.cancelled == []
    stage.handling.finish("a")
    with pytest.raises(LastcallError, match=r"the lifespan ended while the worker was running.*the pool has died"):
        await stage.report()
    assert stage.ids("settled") == ["a"]
    assert stage.ready() == ["b"]
    assert stage.of("drain_finished")[0].data["exit_code"] == 1
    assert closed_after == [], "it had gone by itself before the handler's end"
