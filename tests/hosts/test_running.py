"""`async with worker.running()`: the block begins when the worker works, and ends when the worker has drained."""

import asyncio
from typing import NoReturn

import pytest

from consumer.engine.report import Report
from consumer.errors import BrokerAway, BrokerRefused
from consumer.hosts.embedded import running
from consumer.observers import Observers
from tests.engine.conftest import stage
from tests.engine.stage import Stage, turns, within

__all__ = ["stage"]


async def test_the_block_begins_when_every_queue_is_consumed_and_its_end_waits_for_the_drain(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    ended = asyncio.Event()

    async def application() -> None:
        async with stage.worker.running() as worker:
            assert worker is stage.worker
            assert len(stage.of("consuming")) == 1
            await stage.handling.begun("a")
        ended.set()

    running = asyncio.create_task(application())
    await stage.told("drain_started")
    await turns()
    assert not ended.is_set()
    stage.handling.finish("a")
    await within(running)
    assert stage.ids("settled") == ["a"]
    assert stage.of("drain_started")[0].data["reason"] == "its block has ended"


async def test_what_the_block_raises_comes_out_when_the_worker_has_drained(stage: Stage) -> None:
    stage.handle()
    stage.put("a")

    async def application() -> NoReturn:
        async with stage.worker.running():
            await stage.handling.begun("a")
            raise ZeroDivisionError

    running = asyncio.create_task(application())
    await stage.told("drain_started")
    stage.handling.finish("a")
    with pytest.raises(ZeroDivisionError):
        await within(running)
    assert stage.ids("settled") == ["a"]


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancellation_drains_however_often_it_comes(stage: Stage, times: int) -> None:
    stage.handle()
    stage.put("a")

    async def application() -> None:
        async with stage.worker.running():
            await asyncio.Event().wait()

    running = asyncio.create_task(application())
    await stage.handling.begun("a")
    for _ in range(times):
        running.cancel()
        await turns()
    assert not running.done()
    stage.handling.finish("a")
    with pytest.raises(asyncio.CancelledError):
        await within(running)
    assert stage.ids("settled") == ["a"]


async def test_a_cancellation_while_the_end_of_the_block_waits_changes_nothing_but_what_is_raised(stage: Stage) -> None:
    stage.handle()
    stage.put("a")

    async def application() -> None:
        async with stage.worker.running():
            await stage.handling.begun("a")

    running = asyncio.create_task(application())
    await stage.told("drain_started")
    for _ in range(3):
        running.cancel()
        await turns()
    assert stage.handling.cancelled == []
    stage.handling.finish("a")
    with pytest.raises(asyncio.CancelledError):
        await within(running)
    assert stage.ids("settled") == ["a"]


async def test_a_worker_that_can_not_start_says_so_before_the_block(stage: Stage) -> None:
    stage.handle()
    stage.fake.fail("prepare", BrokerRefused("no such queue"))
    with pytest.raises(BrokerRefused):
        async with stage.worker.running():
            pytest.fail("the block has begun")
    stage.start()  # and the next time is as the first: no stop is left over
    await stage.told("consuming")
    assert (await stage.drained()).exit_code == 0


async def test_a_worker_that_can_not_go_on_says_so_at_the_blocks_end(stage: Stage) -> None:
    stage.make(reconnect_timeout=0.01)
    stage.handle()

    async def application() -> None:
        async with stage.worker.running():
            stage.fake.fail("connect", *[BrokerAway("gone")] * 50)
            stage.fake.cut()
            await stage.told("drain_finished")

    with pytest.raises(BrokerAway, match="gone"):
        await within(application())


async def test_a_worker_that_starts_quiet_lets_the_block_begin(stage: Stage) -> None:
    stage.handle()
    stage.worker.quiet()
    async with stage.worker.running():
        assert len(stage.of("quieted")) == 1


async def test_a_cancellation_before_the_block_leaves_no_observer_behind() -> None:
    class Starting:
        """A worker that never gets to work."""

        def __init__(self) -> None:
            self.stopped = asyncio.Event()

        async def serve(self) -> Report:
            await self.stopped.wait()
            return Report("told", forced=False, seconds=0, finished=0, handed_back=0, orphans=[])

        def stop(self, _reason: str) -> None:
            self.stopped.set()

    observers = Observers()

    async def application() -> None:
        async with running(Starting(), observers):
            raise AssertionError("the block has begun")

    starting = asyncio.create_task(application())
    await turns()
    assert len(list(observers)) == 1
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(starting)
    assert list(observers) == []
