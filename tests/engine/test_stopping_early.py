"""A stop before the worker works: before the start, while connecting, preparing, consuming, reconnecting."""

import asyncio
import threading

import pytest

from consumer import Queue
from consumer.core.lifecycle import IllegalPhaseError
from consumer.errors import BrokerAway, BrokerRefused, ConfigurationError
from consumer.testing.fake import Point
from tests.engine.stage import Stage, turns, within


async def test_a_stop_before_the_start_ends_the_run_at_once(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    stage.worker.stop("no need")
    stage.start()
    report = await stage.report()
    assert (report.exit_code, report.reason) == (0, "no need")
    assert stage.fake.connections == []
    assert stage.ready() == ["a"]


async def test_a_stop_holds_for_one_run_and_the_next_one_works(stage: Stage) -> None:
    stage.handle()
    stage.worker.stop()
    stage.start()
    await stage.report()
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled")
    assert (await stage.drained()).finished == 0, "it had finished before the drain"


@pytest.mark.parametrize("point", ["connect", "prepare", "consume"])
async def test_a_stop_during_the_start_is_a_clean_exit(stage: Stage, point: Point) -> None:
    stage.handle()
    stage.put("a", "b", "c")
    gate = stage.fake.hold(point)
    stage.start()
    await within(gate.reached)
    await turns()
    stage.worker.stop()
    await turns()
    stage.handling.finish(*stage.handling.started)  # consumed already, the consume-ok is what is missing
    gate.open()
    report = await stage.report()
    assert report.exit_code == 0
    assert stage.unacked() == []
    assert stage.fake.returned_by_closing == []
    assert all(connection.lost.done() for connection in stage.fake.connections)


@pytest.mark.parametrize("point", ["connect", "prepare", "consume"])
async def test_a_stop_during_the_start_does_not_wait_for_an_answer_that_never_comes(stage: Stage, point: Point) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle()
    gate = stage.fake.hold(point)
    stage.start()
    await within(gate.reached)
    stage.worker.stop()
    assert (await within(stage.report(), 3)).exit_code == 0


@pytest.mark.parametrize("later", [0.0, 0.3, 0.6])
async def test_a_consume_ok_that_comes_after_the_drain_is_harmless(stage: Stage, later: float) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle()
    gate = stage.fake.hold("consume")
    serving = stage.start()
    await within(gate.reached)
    stage.worker.stop()
    await stage.told("drain_started")
    asyncio.get_running_loop().call_later(later, gate.open)
    try:
        report = await within(asyncio.shield(serving), 4)
    except IllegalPhaseError as error:
        pytest.fail(f"the supervisor moved on after the drain: {error}")
    assert report.exit_code == 0
    assert stage.of("consuming") == [], "a worker that drains is not ready"


async def test_a_stop_while_waiting_for_the_next_attempt_to_connect_is_at_once(stage: Stage) -> None:
    stage.handle()
    stage.fake.fail("connect", *[BrokerAway("nobody answers")] * 50)
    stage.start()
    await stage.told("connecting", 2)
    report = await within(stage.drained(), 1)
    assert report.exit_code == 0


async def test_a_stop_during_reconnection_is_at_once_and_clean(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    stage.worker.stop()
    await stage.told("drain_started")
    stage.handling.finish("a")
    report = await within(stage.report(), 2)
    assert (report.exit_code, report.finished) == (0, 1)
    assert stage.of("settled") == [], "its lease was lost"
    assert stage.ready() == ["a"]


async def test_a_stop_from_another_thread(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled")
    thread = threading.Thread(target=stage.worker.stop, args=("from a thread",))
    thread.start()
    report = await stage.report()
    thread.join()
    assert (report.exit_code, report.reason) == (0, "from a thread")


async def test_a_broker_that_stays_away_is_given_up_with_exit_code_1(stage: Stage) -> None:
    stage.make(connect_timeout=0.01)
    stage.handle()
    stage.fake.fail("connect", *[BrokerAway("nobody answers")] * 50)
    with pytest.raises(BrokerAway, match=r"nobody answers.*Given up after 0.01 s"):
        await within(stage.start())
    assert stage.of("drain_finished")[0].data["exit_code"] == 1


@pytest.mark.parametrize("point", ["connect", "prepare"])
async def test_a_refusal_at_the_start_is_final(stage: Stage, point: str) -> None:
    stage.handle()
    stage.fake.fail("connect" if point == "connect" else "prepare", BrokerRefused("wrong password"))
    with pytest.raises(BrokerRefused, match="wrong password"):
        await within(stage.start())
    assert stage.of("drain_finished")[0].data["exit_code"] == 1
    assert len(stage.fake.connections) == (0 if point == "connect" else 1)


async def test_no_queue_is_consumed_before_all_are_fit(stage: Stage) -> None:
    stage.handle("orders")

    @stage.worker.handler(Queue("refunds", declare=False))
    async def work() -> None: ...

    stage.put("a")
    with pytest.raises(BrokerRefused, match="refunds"):
        await within(stage.start())
    assert stage.of("received") == []
    assert stage.ready() == ["a"]


async def test_a_prefix_that_makes_a_queue_name_too_long_stops_the_start_before_any_connection(stage: Stage) -> None:
    stage.make(queue_prefix="p" * 250)
    stage.handle("orders")
    with pytest.raises(ConfigurationError, match="pporders': it takes 1 to 248 bytes with its prefix"):
        await within(stage.start())
    assert stage.fake.connections == []
