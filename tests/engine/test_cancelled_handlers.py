"""What a cancellation of a handler's task means: who asked for it, and how the handler ended all the same."""

import asyncio
from typing import Any

import pytest

from consumer import Delivery, Requeue, RetryPolicy
from consumer.core.events import Event
from tests.engine.stage import Stage, turns


async def cancelled_by_a_library() -> None:
    """Cancel this task, catch that, and never un-cancel it: what anyio 3 and async_timeout before 4.0.3 do."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        assert task.cancelling() == 1


async def test_a_handler_that_returns_is_acked_though_a_library_cancelled_its_task_meanwhile(stage: Stage) -> None:
    runs = []

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await cancelled_by_a_library()
        runs.append(delivery.message_id)

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert runs == ["a"]
    assert [event.data["outcome"] for event in stage.of("settled")] == ["completed"]
    assert stage.of("requeued") == []
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_one_that_fails_after_such_a_cancellation_is_parked_once(stage: Stage) -> None:
    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        await cancelled_by_a_library()
        raise ValueError("no such tenant")

    stage.put("a")
    stage.start()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.properties.headers["x-lastcall-reason"] == "ValueError: no such tenant"
    assert stage.ids("started") == ["a"]
    assert (await stage.drained()).exit_code == 0


async def test_one_that_asks_for_a_requeue_after_such_a_cancellation_gets_it(stage: Stage) -> None:
    runs = []

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await cancelled_by_a_library()
        runs.append(delivery.redelivered)
        if len(runs) == 1:
            raise Requeue

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert runs == [False, True]
    assert [event.data["reason"] for event in stage.of("requeued")] == ["asked for by the handler"]
    await stage.drained()


@pytest.mark.parametrize("ended_by_itself", [False, True], ids=["a future", "a task of its own"])
async def test_a_cancelled_error_of_the_handlers_own_making_is_parked(stage: Stage, ended_by_itself: bool) -> None:
    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        if not ended_by_itself:
            raise asyncio.CancelledError("mine")
        inner = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert [message.message_id for message in stage.fake.ready("orders.parked")] == ["a"]
    assert stage.of("requeued") == []
    assert (await stage.drained()).exit_code == 0


async def test_a_cancellation_from_outside_reaches_no_handler(stage: Stage) -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        tasks.append(asyncio.current_task())
        await stage.handling.run(delivery)

    stage.put("a")
    await stage.running("a")
    (task,) = tasks
    assert task is not None
    assert not task.cancel("by somebody who found it in asyncio.all_tasks()")
    await turns()
    assert (stage.handling.cancelled, task.cancelling()) == ([], 0)
    stage.handling.finish("a")
    await stage.told("settled")
    assert stage.ids("started") == ["a"]
    report = await stage.drained()
    assert (report.exit_code, report.orphans) == (0, [])


async def test_nor_one_that_has_not_taken_its_first_step(stage: Stage) -> None:
    runs, answers = [], []

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        runs.append(delivery.message_id)

    def cancel_it() -> None:
        [task] = [each for each in asyncio.all_tasks() if each.get_name() == "work a"]
        answers.append(task.cancel())

    @stage.worker.observe
    def ahead_of_its_first_step(event: Event) -> None:
        if event.name == "received":
            asyncio.get_running_loop().call_soon(cancel_it)

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert (runs, answers) == (["a"], [False])
    assert stage.of("requeued") == []
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


@pytest.mark.parametrize("goes_on", [False, True], ids=["and awaits", "and fails at once"])
async def test_a_handler_that_cancels_its_own_task_has_failed_and_is_not_run_for_ever(
    stage: Stage, goes_on: bool
) -> None:
    """Nobody else can cancel it: whatever it is that does, it is in the handler, and would be there the next time."""

    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        if goes_on:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    stage.put("a")
    stage.start()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.properties.headers["x-lastcall-exception"] == "CancelledError"
    assert stage.of("requeued") == []
    assert (await stage.drained()).exit_code == 0


async def test_a_cancellation_that_a_library_left_behind_does_not_end_the_wait_before_the_next_attempt(
    stage: Stage,
) -> None:
    """Python 3.11's TaskGroup leaves one, and its first releases' asyncio.timeout takes it for its own."""
    attempts = []

    @stage.worker.handler("orders", retry=RetryPolicy(attempts=2, first_wait=0.01))
    async def work(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        await cancelled_by_a_library()
        if delivery.attempt == 1:
            raise ValueError

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert (attempts, stage.of("requeued")) == ([1, 2], [])
    assert (await stage.drained()).exit_code == 0
