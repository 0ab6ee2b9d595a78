"""Cancelling the task that awaits `serve()` asks for the drain: it drains, and then raises."""

import asyncio

import pytest

from tests.engine.stage import Stage, turns, within


async def test_cancelling_serve_drains_and_then_raises(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    await stage.told("received", 2)
    serving = stage.serving
    serving.cancel()
    await stage.told("requeued")
    assert stage.handling.cancelled == []
    assert not serving.done()
    stage.handling.finish("a")
    with pytest.raises(asyncio.CancelledError):
        await within(serving)
    assert stage.ids("settled") == ["a"]
    assert stage.of("drain_finished")[0].data["exit_code"] == 0
    assert stage.worker.report is not None
    assert stage.worker.report.reason == "serve() was cancelled"


async def test_a_second_cancellation_changes_nothing(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    serving = stage.serving
    for _ in range(3):
        serving.cancel()
        await turns()
    assert stage.handling.cancelled == []
    stage.handling.finish("a")
    with pytest.raises(asyncio.CancelledError):
        await within(serving)
    assert stage.ids("settled") == ["a"]


async def test_a_timeout_around_serve_is_a_drain_too(stage: Stage) -> None:
    stage.handle()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await stage.worker.serve()
    assert stage.of("drain_finished")[0].data["exit_code"] == 0


async def test_serve_in_a_task_group_drains_when_a_sibling_fails(stage: Stage) -> None:
    stage.handle()
    stage.put("a")

    async def sibling() -> None:
        await stage.handling.begun("a")
        asyncio.get_running_loop().call_later(0.02, stage.handling.finish, "a")
        raise ValueError("broken")

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.worker.serve())
            tasks.create_task(sibling())

    with pytest.raises(ExceptionGroup) as group:
        await within(both())
    assert [type(error) for error in group.value.exceptions] == [ValueError]
    assert stage.ids("settled") == ["a"]
