"""A worker that is told to be quiet takes nothing new and stays; told to resume, it goes on as if nothing had been."""

import asyncio

import pytest

from consumer import Queue
from consumer.core.lifecycle import Phase
from tests.engine.hours import JumpingLoop
from tests.engine.stage import Stage, turns, within


async def quiet_with_one_in_flight(stage: Stage) -> None:
    """Of a, b and c the first is in flight; the others were prefetched, and have been handed back."""
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    stage.worker.quiet()
    await stage.told("quieted")


def phase(stage: Stage) -> Phase:
    assert stage.worker.phase is not None
    return stage.worker.phase


async def test_what_was_not_started_is_handed_back_and_what_runs_runs_on_over_the_same_channel(stage: Stage) -> None:
    await quiet_with_one_in_flight(stage)
    assert stage.of("quieted")[0].data == {"reason": "quiet() was called", "in_flight": 1}
    assert stage.ready() == ["b", "c"]
    assert phase(stage) is Phase.QUIET
    stage.put("d")
    stage.handling.finish("a")
    await stage.told("settled")
    await turns()
    assert stage.ids("settled") == ["a"]
    assert stage.ready() == ["b", "c", "d"]
    assert stage.of("connection_lost") == []
    assert stage.fake.returned_by_closing == []
    assert [event.data["reason"] for event in stage.of("requeued")] == ["quiet", "quiet"]
    assert (await stage.drained()).exit_code == 0


async def test_resume_takes_the_work_up_again_on_the_same_connection(stage: Stage) -> None:
    await quiet_with_one_in_flight(stage)
    stage.worker.resume()
    await stage.told("consuming", 2)
    assert phase(stage) is Phase.CONSUMING
    stage.handling.finish("a", "b", "c")
    await stage.told("settled", 3)
    assert stage.handling.started == ["a", "b", "c"]
    assert len(stage.of("resumed")) == len(stage.of("connected")) == 1
    assert len(stage.fake.connections[0].leases) == 1, "the channel stays"
    assert (await stage.drained()).exit_code == 0


async def test_a_drain_while_quiet_finishes_what_runs(stage: Stage) -> None:
    await quiet_with_one_in_flight(stage)
    stage.worker.stop()
    await stage.told("drain_started")
    stage.handling.finish("a")
    report = await stage.report()
    assert (report.exit_code, report.finished, report.handed_back) == (0, 1, 0)
    assert stage.ready() == ["b", "c"]


async def test_quiet_before_the_start_connects_and_consumes_nothing_until_it_is_resumed(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    stage.worker.quiet("not yet")
    stage.start()
    await stage.told("quieted")
    await turns()
    assert (stage.ids("received"), stage.of("consuming")) == ([], [])
    stage.worker.resume()
    await stage.handling.begun("a")
    stage.handling.finish("a")
    assert (await stage.drained()).exit_code == 0


async def test_quiet_that_is_ended_before_the_start_is_none(stage: Stage) -> None:
    stage.handle()
    stage.worker.quiet()
    stage.worker.resume()
    stage.start()
    await stage.told("consuming")
    assert stage.of("quieted") == stage.of("resumed") == []
    assert (await stage.drained()).exit_code == 0


async def test_resume_before_the_cancel_is_confirmed_takes_effect_after_it(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    gate = stage.fake.hold("cancel-ok")
    stage.worker.quiet()
    await within(gate.reached)
    stage.worker.resume()
    stage.worker.quiet()
    stage.worker.resume()
    stage.put("c")
    stage.handling.finish("a", "b", "c")
    await turns()
    assert stage.handling.started == ["a"], "nothing is started meanwhile"
    gate.open()
    await stage.told("settled", 3)
    assert (await stage.drained()).exit_code == 0


async def test_quiet_and_resume_before_anybody_has_looked_change_nothing(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    for _ in range(5):
        stage.worker.quiet()
        stage.worker.resume()
    await turns()
    assert stage.of("requeued") == stage.of("quieted") == []
    stage.handling.finish("a", "b")
    await stage.told("settled", 2)
    assert (await stage.drained()).exit_code == 0


@pytest.mark.parametrize("pause", range(12))
async def test_quiet_and_resume_again_and_again_lose_nothing(stage: Stage, pause: int) -> None:
    names = [f"m{number}" for number in range(20)]
    stage.handle(concurrency=2, prefetch=4)
    stage.put(*names)
    stage.handling.finish(*names)
    stage.start()
    for _ in range(10):
        stage.worker.quiet()
        await turns(pause)
        stage.worker.resume()
        await turns(pause)
    await stage.told("settled", 20)
    assert sorted(stage.handling.started) == sorted(names)
    assert stage.fake.returned_by_closing == []
    assert (await stage.drained()).exit_code == 0


async def test_a_stop_during_the_resume_starts_nothing_and_hands_back_what_came(stage: Stage) -> None:
    await quiet_with_one_in_flight(stage)
    gate = stage.fake.hold("consume")
    stage.worker.resume()
    await within(gate.reached)
    stage.worker.stop()
    await stage.told("drain_started")
    gate.open()
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0
    assert stage.handling.started == ["a"]
    assert stage.ready() == ["b", "c"]
    assert stage.fake.returned_by_closing == []


async def test_a_connection_that_is_lost_meanwhile_is_replaced_and_nothing_consumed_over_it(stage: Stage) -> None:
    await quiet_with_one_in_flight(stage)
    stage.fake.cut()
    await stage.told("quieted", 2)
    await turns()
    assert phase(stage) is Phase.QUIET
    assert stage.ready() == ["a", "b", "c"]
    stage.handling.finish("a", "b", "c")
    stage.worker.resume()
    await stage.told("settled", 3)
    assert stage.handling.started == ["a", "b", "c"], "the redelivery of a run that has ended is settled with it"
    assert (await stage.drained()).exit_code == 0


async def test_quiet_while_disconnected_reconnects_and_consumes_nothing(stage: Stage) -> None:
    stage.handle()
    await stage.running()
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    stage.worker.quiet()
    stage.put("a")
    gate.open()
    await stage.told("quieted")
    await turns()
    assert stage.ids("received") == []
    assert (await stage.drained()).exit_code == 0


async def test_a_channel_that_is_lost_meanwhile_is_replaced_at_the_resume(stage: Stage) -> None:
    await quiet_with_one_in_flight(stage)
    stage.fake.cut_channels("orders")
    await turns()
    stage.handling.finish("a", "b", "c")
    stage.worker.resume()
    await stage.told("settled", 3)
    assert len(stage.of("connected")) == 1
    assert len(stage.fake.connections[0].leases) == 2
    assert (await stage.drained()).exit_code == 0


async def test_every_queue_is_left_before_the_worker_calls_itself_quiet(stage: Stage) -> None:
    stage.handle("orders")
    stage.handle("refunds")
    await stage.running()
    gate = stage.fake.hold("cancel-ok")
    stage.worker.quiet()
    await within(gate.reached)
    await turns()
    assert stage.of("quieted") == []
    gate.open()
    await stage.told("quieted")
    stage.put("a", queue="orders")
    stage.put("b", queue="refunds")
    await turns()
    assert stage.ids("received") == []
    assert (await stage.drained()).exit_code == 0


async def test_a_single_active_consumer_is_given_up_only_when_what_runs_has_ended(stage: Stage) -> None:
    """A cancel would let the next worker begin with what comes after it."""
    stage.worker.handler(Queue("orders", single_active_consumer=True))(stage.handling.run)
    stage.put("a", "b")
    await stage.running("a")
    stage.worker.quiet()
    await turns()
    assert stage.of("quieted") == []
    stage.handling.finish("a")
    await stage.told("quieted")
    assert stage.handling.started == ["a"]
    assert stage.ready() == ["b"]
    stage.worker.resume()
    await stage.handling.begun("b")
    stage.handling.finish("b")
    await stage.told("settled", 2)
    assert (await stage.drained()).exit_code == 0


async def test_the_deadline_holds_for_a_single_active_consumer_that_was_about_to_be_given_up(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    stage.worker.handler(Queue("orders", single_active_consumer=True))(stage.handling.run)
    stage.put("a")
    await stage.running("a")
    stage.worker.quiet()
    await turns()
    report = await stage.drained()
    assert (report.exit_code, report.orphans) == (3, ["a"])
    assert stage.ready() == ["a"]


def test_quiet_is_no_idleness(bare_environment: object) -> None:
    async def play() -> None:
        stage = Stage()
        stage.make(idle_timeout=10, reconnect_timeout="none")
        await quiet_with_one_in_flight(stage)
        await asyncio.sleep(100)
        stage.handling.finish("a")
        await asyncio.sleep(100)
        stage.fake.cut()
        await asyncio.sleep(100)
        assert stage.of("drain_started") == []
        stage.handling.finish("b", "c")
        stage.worker.resume()
        assert (await stage.serving).reason == "idle"

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())


async def test_after_the_stop_there_is_nothing_to_resume(stage: Stage) -> None:
    await quiet_with_one_in_flight(stage)
    stage.worker.stop()
    stage.worker.resume()
    await stage.told("drain_started")
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0
    assert stage.of("resumed") == []
    assert stage.handling.started == ["a"]
