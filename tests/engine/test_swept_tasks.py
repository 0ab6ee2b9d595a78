"""Whoever cancels every task of the loop, from wherever and however often, loses nothing and runs nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from consumer import Delivery
from consumer.core.events import Event
from tests.engine.stage import Stage, turns, within

THE_TEST = "the test"


def sweep() -> None:
    """What aiorun does at its shutdown, `asyncio.run` at its end, and many a signal handler of people's own."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.get_name() != THE_TEST:
            task.cancel("swept")


def spare_this_test() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.set_name(THE_TEST)


async def ended(stage: Stage) -> None:
    """The task that awaited serve() was cancelled: it has drained, and raised."""
    with pytest.raises(asyncio.CancelledError):
        await within(stage.serving)


@pytest.fixture(params=["the loop", "a background task", "an observer"])
def from_there(request: pytest.FixtureRequest, stage: Stage) -> Callable[[], None]:
    """Sweeps from there, some turns after the call."""
    asked = asyncio.Event()

    def on_the_loop() -> None:
        asyncio.get_running_loop().call_soon(sweep)

    @stage.worker.background
    async def sweeper() -> None:
        await asked.wait()
        sweep()

    @stage.worker.observe
    def observer(event: Event) -> None:
        if event.name == "settled" and event.message_id == "trigger":
            sweep()

    return {
        "the loop": on_the_loop,
        "a background task": asked.set,
        "an observer": lambda: stage.handling.finish("trigger"),
    }[request.param]


async def test_a_sweep_drains_and_what_is_in_flight_ends_and_is_acked(
    stage: Stage, from_there: Callable[[], None]
) -> None:
    spare_this_test()
    stage.handle(concurrency=3)
    stage.put("trigger", "a", "b")
    await stage.running("trigger", "a", "b")
    from_there()
    await stage.told("drain_started")
    await turns()
    assert stage.handling.cancelled == []
    stage.handling.finish(*{"trigger", "a", "b"} - set(stage.handling.ended))
    await ended(stage)
    assert sorted(stage.handling.started) == sorted(map(str, stage.ids("settled"))) == ["a", "b", "trigger"]


async def test_sweeps_at_every_turn_of_the_whole_drain_change_nothing(stage: Stage) -> None:
    stage.handle(concurrency=2, prefetch=4)
    stage.put("a", "b", "c", "d")
    await stage.running("a", "b")
    await stage.told("received", 4)
    for turn in range(200):
        sweep()
        await asyncio.sleep(0)
        if turn == 50:
            stage.handling.finish("a", "b")
    await ended(stage)
    assert (stage.ids("settled"), stage.handling.cancelled) == (["a", "b"], [])
    assert stage.ready() == ["c", "d"]
    assert stage.of("drain_finished")[0].data["exit_code"] == 0


async def in_a_group(work: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_awaited(work))
        group.create_task(_awaited(work))


async def in_a_task(work: Callable[[], Awaitable[None]]) -> None:
    await asyncio.create_task(_awaited(work))


async def within_a_time(work: Callable[[], Awaitable[None]]) -> None:
    await asyncio.wait_for(asyncio.gather(work(), work()), 60)


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


@pytest.mark.parametrize("way", [in_a_group, in_a_task, within_a_time])
async def test_a_sweep_does_not_reach_what_a_handler_has_begun(stage: Stage, way: Callable[..., Any]) -> None:
    inside, go = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        inside.set()
        await go.wait()

    @stage.worker.handler("orders")
    async def handler(_delivery: Delivery) -> None:
        await way(work)

    stage.put("a")
    stage.start()
    await within(inside.wait())
    await turns()
    sweep()
    await turns()
    go.set()
    await ended(stage)
    assert stage.ids("settled") == ["a"]
    assert stage.fake.is_empty("orders")


async def test_what_a_handler_cancels_itself_is_cancelled(stage: Stage) -> None:
    story: list[str] = []

    async def hang(name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            story.append(name)
            raise

    async def fail() -> None:
        raise ValueError

    async def group_that_fails() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(hang("a sibling"))
            group.create_task(fail())

    @stage.worker.handler("orders")
    async def handler(_delivery: Delivery) -> None:
        with pytest.raises(ExceptionGroup):  # in a task of its own: Python 3.11's leaves its count of cancellations up
            await asyncio.create_task(group_that_fails())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.create_task(hang("a task past its time"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hang("waited for"), 0.001)
        task = asyncio.create_task(hang("a task"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        story.append("the end")

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert story == ["a sibling", "a task past its time", "waited for", "a task", "the end"]
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders.parked")


async def test_what_the_lifespan_has_begun_outlives_a_sweep_and_a_handlers_tasks_are_its_own_to_cancel(
    stage: Stage,
) -> None:
    pool: dict[str, asyncio.Task[None]] = {}
    states: list[bool] = []

    async def read_for_ever() -> None:
        await asyncio.Event().wait()

    @stage.worker.lifespan
    async def opened() -> AsyncIterator[None]:
        pool["lifespan"] = asyncio.create_task(read_for_ever())
        yield
        states.extend(task.done() for task in pool.values())
        for task in pool.values():
            task.cancel()
        await asyncio.wait(pool.values())

    @stage.worker.handler("orders")
    async def handler(delivery: Delivery) -> None:
        pool["handler"] = asyncio.create_task(read_for_ever())
        await stage.handling.run(delivery)

    stage.put("a")
    await stage.running("a")
    sweep()
    await turns()
    stage.handling.finish("a")
    await ended(stage)
    assert states == [False, False]
    assert [task.cancelled() for task in pool.values()] == [True, True]
    assert stage.of("lifespan_failed") == []


async def test_a_sweep_ends_a_background_task_but_for_its_shielded_stretch(stage: Stage) -> None:
    inside, go, story = asyncio.Event(), asyncio.Event(), []

    async def flush() -> None:
        inside.set()
        async with asyncio.timeout(60):
            await asyncio.create_task(_awaited(go.wait))  # type: ignore[arg-type]  # what it returns does not matter
        story.append("flushed")

    @stage.worker.background
    async def poll() -> None:
        try:
            await stage.worker.shield(flush())
        except asyncio.CancelledError:
            story.append("cancelled")
            raise

    stage.handle()
    stage.start()
    await within(inside.wait())
    sweep()
    await turns()
    assert story == ["cancelled"]
    go.set()
    await ended(stage)
    assert story == ["cancelled", "flushed"]
    assert stage.of("drain_finished")[0].data["orphans"] == []


async def test_a_task_that_a_handler_has_left_behind_is_anybodys_when_the_worker_has_ended(stage: Stage) -> None:
    left: list[asyncio.Task[Any]] = []

    @stage.worker.handler("orders")
    async def handler(_delivery: Delivery) -> None:
        left.append(asyncio.create_task(asyncio.Event().wait()))
        left.append(asyncio.create_task(asyncio.Event().wait()))

    stage.put("a")
    stage.start()
    await stage.told("settled")
    left[0].cancel()
    await turns()
    assert not left[0].done()
    await stage.drained()
    await turns()
    assert left[0].cancelled(), "somebody had wanted that"
    assert not left[1].done(), "nobody had wanted that"
    left[1].cancel()
    await asyncio.wait(left)
