"""A second stop sets the deadline to now, wherever the drain is."""

import asyncio
from collections.abc import AsyncIterator

from tests.engine.stage import Stage, turns, within


async def test_a_second_stop_while_waiting_for_handlers_requeues_them_now(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("drain_started")
    stage.worker.stop_now()
    report = await stage.report()
    assert (report.exit_code, report.forced, report.orphans) == (4, True, ["a"])
    assert stage.ready() == ["a"]


async def test_a_second_stop_before_the_cancel_ok_still_hands_everything_back(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    await stage.told("received", 3)
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    stage.worker.stop_now()
    await stage.told("orphaned")
    gate.open()
    report = await stage.report()
    assert (report.exit_code, report.orphans) == (4, ["a"])
    assert stage.ready() == ["a", "b", "c"]
    assert stage.fake.returned_by_closing == []


async def test_a_stop_now_nacks_the_unstarted_though_the_cancel_ok_comes_too_late(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    await stage.told("received", 3)
    gate = stage.fake.hold("cancelled")
    stage.worker.stop()
    await within(gate.reached)
    stage.worker.stop_now()
    report = await within(stage.report(), 2)
    assert (report.exit_code, report.orphans, report.handed_back) == (4, ["a"], 2)
    assert stage.ready() == ["a", "b", "c"]
    assert stage.fake.returned_by_closing == [], "came back by closing, which burns delivery limits"


async def test_a_second_stop_while_nacking_still_hands_everything_back(stage: Stage) -> None:
    names = [f"m{number:03}" for number in range(300)]
    stage.handle(concurrency=1, prefetch=300)
    stage.put(*names)
    await stage.running("m000")
    await stage.told("received", 300)
    stage.worker.stop()
    await stage.told("requeued")
    stage.worker.stop_now()
    report = await stage.report()
    assert (report.orphans, report.handed_back) == (["m000"], 299)
    assert stage.ready() == names
    assert stage.fake.returned_by_closing == []


async def test_stop_now_alone_is_a_drain_with_its_deadline_now(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.worker.stop_now()
    report = await stage.report()
    assert (report.exit_code, report.orphans) == (4, ["a"])


async def test_a_second_stop_does_not_wait_for_a_cancel_ok_that_never_comes(stage: Stage) -> None:
    stage.handle()
    await stage.running()
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    await turns()
    stage.worker.stop_now()
    assert (await within(stage.report(), 2)).exit_code == 4


async def test_a_second_stop_does_not_wait_for_a_lifespan_that_will_not_close(stage: Stage) -> None:
    closing = asyncio.Event()

    @stage.worker.lifespan
    async def slow() -> AsyncIterator[None]:
        yield
        closing.set()
        await asyncio.Event().wait()

    stage.handle()
    await stage.running()
    stage.worker.stop()
    await within(closing.wait())
    stage.worker.stop_now()
    assert (await within(stage.report(), 2)).exit_code == 4
    assert len(stage.of("lifespan_failed")) == 1


async def test_any_number_of_stops_is_one_drain(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    for _ in range(5):
        stage.worker.stop()
        await turns(3)
    stage.handling.finish("a")
    report = await stage.report()
    assert (report.exit_code, report.finished) == (0, 1)
    assert len(stage.of("drain_started")) == len(stage.of("drain_finished")) == 1
