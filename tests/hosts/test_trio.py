"""The trio host drains where trio would end it, and lets go afterwards."""

import asyncio
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio
import trio.testing

from consumer import BrokerRefused, Delivery
from tests.engine.stage import LONG, turns
from tests.hosts.trio_stage import TrioStage, in_trio


class Gated:
    """A handler for asyncio that holds its messages until the test, which runs in trio, lets them go."""

    def __init__(self) -> None:
        self._gate = asyncio.Event()
        self.cancelled: list[str | None] = []

    async def run(self, delivery: Delivery) -> None:
        try:
            await self._gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(delivery.message_id)
            raise

    def let_go(self) -> None:
        self._gate.set()


@pytest.fixture
def gated(trio_stage: TrioStage) -> Gated:
    gated = Gated()
    trio_stage.worker.handler("orders", concurrency=1, prefetch=2)(gated.run)
    trio_stage.put("a", "b")
    return gated


@in_trio
async def test_a_cancelled_scope_is_a_request_to_drain_and_ends_when_it_has_drained(
    trio_stage: TrioStage, gated: Gated
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio_stage.serve)
        await trio_stage.told("received", 2)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio_stage.told("requeued")
            assert trio_stage.of("drain_finished") == []
            gated.let_go()
    assert nursery.cancel_scope.cancelled_caught
    assert (trio_stage.ids("settled"), trio_stage.ready(), gated.cancelled) == (["a"], ["b"], [])
    assert trio_stage.worker.report is not None
    assert trio_stage.worker.report.reason == "serve_trio() was cancelled"
    assert trio_stage.report is None, "serve_trio() has returned, though it was cancelled"


@in_trio
async def test_a_deadline_around_it_is_one_too(trio_stage: TrioStage, gated: Gated) -> None:
    with trio.move_on_after(1) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio_stage.serve)
            with trio.CancelScope(shield=True):
                await trio_stage.told("drain_started")
            gated.let_go()
    assert scope.cancelled_caught
    assert trio_stage.ids("settled") == ["a"]


@in_trio
async def test_a_crash_beside_it_drains_and_comes_out_alone(trio_stage: TrioStage, gated: Gated) -> None:
    async def crash() -> None:
        await trio_stage.told("started")
        raise ZeroDivisionError

    async def let_go() -> None:
        with trio.CancelScope(shield=True):
            await trio_stage.told("drain_started")
        gated.let_go()

    with pytest.raises(ExceptionGroup) as crashed:  # noqa: PT012 - a nursery raises at its end
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio_stage.serve)
            nursery.start_soon(crash)
            nursery.start_soon(let_go)
    assert [type(error) for error in crashed.value.exceptions] == [ZeroDivisionError]
    assert (trio_stage.ids("settled"), gated.cancelled) == (["a"], [])


@in_trio
async def test_in_a_scope_that_is_cancelled_already_it_starts_nothing(trio_stage: TrioStage, gated: Gated) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio_stage.serve()
    assert scope.cancelled_caught
    assert trio_stage.of("started") == []
    assert trio_stage.ready() == ["a", "b"]


@in_trio
async def test_a_stop_returns_the_report(trio_stage: TrioStage, gated: Gated) -> None:
    async with trio_stage.serving():
        await trio_stage.told("started")
        trio_stage.worker.stop("the test says so")
        await trio_stage.told("drain_started")
        gated.let_go()
    assert trio_stage.report is not None
    assert (trio_stage.report.reason, int(trio_stage.report.exit_code)) == ("the test says so", 0)


@in_trio
async def test_a_stop_in_a_thread_reaches_it(trio_stage: TrioStage, gated: Gated) -> None:
    gated.let_go()
    async with trio_stage.serving():
        await trio_stage.told("settled", 2)
        thread = threading.Thread(target=trio_stage.worker.stop)
        thread.start()
        thread.join()
        await trio_stage.told("drain_finished")


@in_trio
async def test_handlers_of_both_kinds_run_beside_each_other(trio_stage: TrioStage, gated: Gated) -> None:
    @trio_stage.worker.handler("refunds", executor="trio")
    async def work(_delivery: Delivery) -> None:
        await trio.sleep(1)
        gated.let_go()

    trio_stage.put("c", queue="refunds")
    async with trio_stage.serving():
        await trio_stage.told("settled", 3)
    assert trio_stage.ids("settled") == ["a", "b", "c"]


@in_trio
async def test_two_workers_in_one_nursery_drain_each_for_itself(trio_stage: TrioStage) -> None:
    other = TrioStage()
    for stage in (trio_stage, other):
        stage.put("a")

        @stage.worker.handler("orders", executor="trio")
        async def work(delivery: Delivery) -> None:
            await delivery.draining

    async with other.serving():
        await other.told("started")
        async with trio_stage.serving():
            await trio_stage.told("started")
        assert (trio_stage.ids("settled"), other.ids("settled")) == (["a"], [])
    assert other.ids("settled") == ["a"]


@in_trio
async def test_a_worker_that_has_ended_can_serve_again(trio_stage: TrioStage, gated: Gated) -> None:
    gated.let_go()
    for message in (2, 3):
        async with trio_stage.serving():
            await trio_stage.told("settled", message)
        trio_stage.put("c")
    assert trio_stage.ids("settled") == ["a", "b", "c"]


@in_trio
async def test_what_makes_it_impossible_is_raised_as_it_is(trio_stage: TrioStage, gated: Gated) -> None:
    trio_stage.fake.fail("connect", BrokerRefused("no vhost"))
    with pytest.raises(BrokerRefused, match="no vhost"):
        await trio_stage.worker.serve_trio()


@in_trio
async def test_asyncio_tasks_that_are_left_are_ended_and_what_they_raise_is_told(
    trio_stage: TrioStage, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    async def left(raising: type[Exception]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(raising.__name__)
            raise raising

    tasks = []

    @trio_stage.worker.handler("orders")
    async def work() -> None:
        tasks.append(asyncio.create_task(left(ZeroDivisionError)))
        await turns(2)

    trio_stage.put("a")
    with caplog.at_level(logging.ERROR, "asyncio"):
        async with trio_stage.serving():
            await trio_stage.told("settled")
    assert ended == ["ZeroDivisionError"]
    assert "a task that was left raised this" in caplog.text
    assert trio_stage.report is not None
    assert int(trio_stage.report.exit_code) == 0


@in_trio
async def test_whoever_cancels_all_tasks_while_the_last_ones_end_takes_nothing_from_the_report(
    trio_stage: TrioStage,
) -> None:
    tasks = []

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel("swept")
            await turns(2)

    @trio_stage.worker.handler("orders")
    async def work() -> None:
        tasks.append(asyncio.create_task(left()))
        await turns(2)

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
    assert [task.cancelled() for task in tasks] == [True]
    assert trio_stage.report is not None
    assert int(trio_stage.report.exit_code) == 0


@in_trio
async def test_nor_whoever_does_it_while_generators_are_closed(trio_stage: TrioStage) -> None:
    left: list[AsyncGenerator[None, None]] = []
    closed: list[bool] = []

    async def generator() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            closed.append(True)

    def sweep_new_tasks(loop: asyncio.AbstractEventLoop) -> None:
        for task in asyncio.all_tasks(loop):
            if "shutdown_asyncgens" in repr(task.get_coro()) and len(swept) < 2:
                swept.append(task.cancel("swept"))
        if not loop.is_closed() and len(swept) < 2:
            loop.call_soon(sweep_new_tasks, loop)

    swept: list[bool] = []

    @trio_stage.worker.handler("orders")
    async def work() -> None:
        left.append(generator())
        await anext(left[0])

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
        trio_stage.loops[0].call_soon(sweep_new_tasks, trio_stage.loops[0])
    assert (swept, closed) == ([True, True], [True])
    assert trio_stage.report is not None
    assert int(trio_stage.report.exit_code) == 0


@in_trio
async def test_an_error_in_a_callback_of_the_loop_is_told_and_ends_nothing(
    trio_stage: TrioStage, gated: Gated, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "asyncio"):
        async with trio_stage.serving():
            await trio_stage.told("started")
            trio_stage.loops[0].call_soon(fail)
            await trio.testing.wait_all_tasks_blocked()
            gated.let_go()
            await trio_stage.told("settled", 2)
    assert "ZeroDivisionError" in caplog.text
    assert trio_stage.ids("settled") == ["a", "b"]


@pytest.mark.parametrize("executor", [None, "trio"])
def test_ctrl_c_strikes_no_handler_but_drains_and_a_second_one_hurries(trio_stage: TrioStage, executor: str) -> None:
    in_handler: list[KeyboardInterrupt] = []

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            in_handler.append(error)
        if executor == "trio":
            await trio.sleep_forever()
        await asyncio.Event().wait()

    def again(name: str) -> None:
        if name == "drain_started":
            signal.raise_signal(signal.SIGINT)

    trio_stage.worker.handler("orders", executor=executor)(work)  # type: ignore[arg-type]  # as the parameter says
    trio_stage.worker.observe(lambda event: again(event.name))
    trio_stage.put("a")
    with pytest.raises(KeyboardInterrupt):
        in_trio(trio_stage.serve)()
    assert in_handler == []
    report = trio_stage.worker.report
    assert report is not None
    assert (report.reason, report.forced, report.orphans) == ("KeyboardInterrupt", True, ["a"])
    assert trio_stage.ready() == ["a"]


@pytest.mark.parametrize(
    ("publisher", "told"),
    [
        ("handler", "Cancelled"),
        ("cancelled before", "Cancelled"),
        ("cleaning up", "LastcallError: a SystemExit in a callback has ended the worker's asyncio loop"),
        ("task beside it", "LastcallError: a SystemExit in a callback has ended the worker's asyncio loop"),
    ],
)
def test_a_system_exit_in_a_callback_leaves_nobody_waiting_for_what_he_publishes(publisher: str, told: str) -> None:
    """In a process of its own: it leaves asyncio tasks that nobody will ever end."""
    program = [sys.executable, str(Path(__file__).with_name("trio_exit.py")), publisher]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=LONG, check=False)
    assert ended.stdout.startswith(told), ended.stderr
    assert ended.returncode == 7, ended.stderr
