"""A channel that goes alone is replaced on its connection, unless the worker is on its way out."""

from tests.engine.stage import Stage, turns, within


async def test_a_channel_that_is_lost_alone_is_replaced_on_the_same_connection(stage: Stage) -> None:
    stage.handle("orders")
    stage.handle("refunds")
    stage.put("a", queue="orders")
    stage.put("b", queue="refunds")
    await stage.running("a", "b")
    stage.fake.cut_channels("orders")
    await stage.told("received", 2, message_id="a")
    assert [event.queue for event in stage.of("channel_lost")] == ["orders"]
    assert len(stage.fake.connections) == 1
    assert stage.handling.started == ["a", "b"]
    stage.handling.finish("a", "b")
    await stage.told("settled", 2)
    assert (await stage.drained()).exit_code == 0


async def test_a_stop_while_a_channel_is_being_replaced_consumes_no_more(stage: Stage) -> None:
    stage.handle("orders", concurrency=1, prefetch=3)
    stage.handle("refunds")
    stage.put("a", "b", "c", queue="orders")
    stage.put("r", queue="refunds")
    await stage.running("a", "r")
    gate = stage.fake.hold("prepare")
    stage.fake.cut_channels("orders")
    await within(gate.reached)
    stage.worker.stop()
    await stage.told("drain_started")
    await turns()
    received = len(stage.of("received"))
    gate.open()
    await turns(200)
    assert len(stage.of("received")) == received, "a queue is consumed again while the worker drains"
    assert stage.unacked("orders") == []
    stage.handling.finish("a", "r")
    assert (await stage.report()).exit_code == 0
