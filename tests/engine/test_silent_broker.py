"""A broker that stops answering does not hold a worker that drains."""

import pytest

from consumer.testing.fake import Point
from tests.engine.stage import Stage, within


async def test_a_cancel_ok_that_never_comes_holds_nobody_and_loses_nothing(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    await stage.told("received", 3)
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    stage.handling.finish("a")
    report = await within(stage.report(), 3)
    assert report.exit_code == 0
    assert stage.ids("settled") == ["a"]
    assert stage.handling.started == ["a"]
    assert stage.ready() == ["b", "c"]


@pytest.mark.parametrize("point", ["close-ok", "cancel-ok"])
async def test_in_flight_work_is_acked_though_the_broker_is_silent(stage: Stage, point: Point) -> None:
    stage.make(drain_timeout=0.1)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.fake.hold(point)
    stage.worker.stop()
    await stage.told("drain_started")
    stage.handling.finish("a")
    assert (await within(stage.report(), 3)).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_queues_whose_cancel_is_confirmed_do_not_wait_for_one_whose_is_not(stage: Stage) -> None:
    stage.make(drain_timeout=0.2)
    stage.handle("orders", concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    await stage.told("received", 2)
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    gate.open()
    await stage.told("requeued", message_id="b")
    stage.handling.finish("a")
    assert (await stage.report()).handed_back == 1
