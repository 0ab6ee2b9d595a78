"""A queue that the broker refuses while the worker runs is tried again alone; the others' handlers go on."""

import pytest

from consumer import Queue
from consumer.errors import BrokerAway, BrokerRefused
from tests.engine.stage import Stage

REFUSALS = [BrokerRefused("refunds does not exist"), BrokerAway("can't consume refunds")]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
async def test_a_queue_that_is_refused_is_tried_again_while_the_other_ones_handler_runs_on(
    stage: Stage, refusal: BrokerRefused | BrokerAway
) -> None:
    stage.handle("orders")
    stage.handle("refunds")
    stage.put("a", queue="orders")
    await stage.running("a")
    stage.fake.fail("prepare", refusal)
    stage.fake.cut_channels("refunds")
    await stage.told("channel_lost", 2)
    assert stage.of("channel_lost")[1].data["reason"] == str(refusal)
    assert {event.queue for event in stage.of("channel_lost")} == {"refunds"}
    await stage.told("consuming", 2)
    stage.put("r", queue="refunds")
    await stage.handling.begun("r")
    stage.handling.finish("a", "r")
    await stage.told("settled", 2)
    assert stage.handling.started == ["a", "r"], "run twice"
    assert len(stage.fake.connections) == 1
    assert (await stage.drained()).exit_code == 0


async def test_one_that_is_refused_for_too_long_ends_the_run_and_what_is_in_flight_is_finished_and_acked(
    stage: Stage,
) -> None:
    stage.make(reconnect_timeout=0.01)
    stage.handle("orders")
    stage.handle("refunds")
    stage.put("a", queue="orders")
    await stage.running("a")
    stage.fake.fail("prepare", *[BrokerRefused("refunds does not exist")] * 50)
    stage.fake.cut_channels("refunds")
    await stage.told("drain_started")
    stage.handling.finish("a")
    with pytest.raises(BrokerRefused, match="refunds does not exist"):
        await stage.report()
    assert stage.of("drain_finished")[0].data["exit_code"] == 1
    assert stage.handling.started == ["a"], "run twice"
    assert stage.ids("settled") == ["a"]
    assert stage.fake.is_empty("orders")


async def test_at_the_first_start_a_refused_queue_stops_the_worker_before_any_is_consumed(stage: Stage) -> None:
    stage.handle("orders")

    @stage.worker.handler(Queue("refunds", declare=False))
    async def work(_body: bytes) -> None:
        pytest.fail("there is no such queue")

    stage.put("a", queue="orders")
    stage.start()
    with pytest.raises(BrokerRefused, match="'refunds' does not exist"):
        await stage.report()
    assert stage.of("received") == []
    assert stage.of("drain_finished")[0].data["exit_code"] == 1
