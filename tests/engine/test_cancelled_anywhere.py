"""Cancelling the engine's own task, which nobody should, at any await of the drain leaves the books in order."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from itertools import count
from typing import Any

import pytest

from consumer.core.ledger import UNSETTLED, Ledger
from consumer.delivery import Draining
from consumer.engine.engine import Engine, Plan
from consumer.engine.report import Report
from consumer.engine.supervisor import Patience
from consumer.observers import Observers
from tests.engine.conftest import assert_settled_at_most_once
from tests.engine.stage import Stage, turns, within


class CutAt(Awaitable[Report]):
    """Runs an engine; cancels the task that awaits it when it suspends for the k-th time after the stop."""

    def __init__(self, engine: Engine, suspension: int) -> None:
        self._engine = engine
        self._suspension = suspension
        self.suspensions = 0

    def __await__(self) -> Generator[Any, Any, Report]:
        running: Coroutine[Any, Any, Report] = self._engine.run()
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                waited_for = running.send(None) if cancelled is None else running.throw(cancelled)
            except StopIteration as ended:
                report: Report = ended.value
                return report
            cancelled = None
            self._suspended()
            try:
                yield waited_for
            except asyncio.CancelledError as error:
                cancelled = error

    def _suspended(self) -> None:
        if self._engine.stop.asked.done():
            self.suspensions += 1
            task = asyncio.current_task()
            if self.suspensions == self._suspension and task is not None:
                asyncio.get_running_loop().call_soon(task.cancel)


@pytest.fixture
def ledgers(monkeypatch: pytest.MonkeyPatch) -> list[Ledger]:
    """Every ledger that an engine makes."""
    made: list[Ledger] = []

    class Remembered(Ledger):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr("consumer.engine.engine.Ledger", Remembered)
    return made


async def run_cut_at(stage: Stage, suspension: int) -> CutAt:
    """One in flight that ends, one that outlives the deadline, two that wait; the engine cut short on its way."""
    stage.handle(concurrency=2, prefetch=4)
    stage.put("a", "b", "c", "d")
    plan = Plan(stage.worker.handlers, Patience(1, 1), drain_timeout=0.03, draining=Draining())
    audience = Observers()
    audience.add(stage.note)
    engine = Engine(plan, stage.fake, audience)
    run = CutAt(engine, suspension)
    running = asyncio.ensure_future(_awaiting(run))
    await stage.handling.begun("a", "b")
    await stage.told("received", 4)
    engine.stop.ask("the test says so")
    await turns(4)
    stage.handling.finish("a")
    await asyncio.wait({running}, timeout=5)
    assert running.done()
    stage.handling.finish("b")
    await turns()
    return run


async def _awaiting(run: CutAt) -> Report:
    return await run


async def test_an_engine_that_is_cancelled_at_any_await_of_the_drain_leaves_its_books_in_order(
    bare_environment: object, ledgers: list[Ledger]
) -> None:
    for suspension in count(1):
        stage = Stage()
        run = await within(run_cut_at(stage, suspension))
        assert stage.fake.protocol_errors == [], f"cut at {suspension}"
        assert_settled_at_most_once(stage)
        unsettled = {entry.message.message_id for entry in ledgers[-1].unsettled()}
        assert all(entry.state in UNSETTLED for entry in ledgers[-1].unsettled())
        assert unsettled == set(stage.unacked()), f"cut at {suspension}: broker and ledger disagree"
        assert "a" in stage.ids("settled"), f"cut at {suspension}: work that was finished was not acked"
        stage.fake.cut()
        await turns()
        if run.suspensions < suspension:
            break
        assert stage.loop_problems == [], f"cut at {suspension}"
    assert suspension > 8, "the drain has more awaits than that"
    assert unsettled == set(), "a run that nobody cut settles everything"
