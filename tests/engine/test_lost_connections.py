"""A lost connection is re-established; what was on it is settled nowhere else, and comes again (and is known again:
test_redeliveries_join.py)."""

import asyncio

import pytest

from consumer import Delivery
from consumer.errors import BrokerAway, BrokerRefused
from tests.engine.stage import Stage, turns, within


async def test_a_message_whose_lease_was_lost_is_not_acked_and_comes_again_on_the_new_one(stage: Stage) -> None:
    stage.handle(concurrency=2, prefetch=2)
    stage.put("a", "b")
    await stage.running("a", "b")
    stage.fake.cut()
    await stage.told("connected", 2)
    await stage.told("received", 4)
    assert [event.data["state"] for event in stage.of("lease_lost")] == ["in_flight", "in_flight"]
    assert stage.handling.cancelled == [], "the loss of a connection cancels no handler"
    stage.handling.finish("a", "b")
    await stage.told("settled", 2)
    assert stage.handling.started == ["a", "b"]
    assert [event.data["generation"] for event in stage.of("received")] == [1, 1, 2, 2]
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_connection_lost_between_a_handlers_end_and_its_ack_loses_only_the_ack(stage: Stage) -> None:
    ends = []

    @stage.worker.handler("orders", concurrency=1)
    async def work(delivery: Delivery) -> None:
        ends.append(delivery.message_id)
        if len(ends) == 1:
            stage.fake.cut()

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert ends == ["a"]
    assert stage.ids("lease_lost") == ["a"]
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_connection_lost_between_the_settlement_and_its_frame_is_harmless(stage: Stage) -> None:
    def cut_once(event: object) -> None:
        if len(stage.of("settled")) == 1 and len(stage.fake.connections) == 1:
            stage.fake.cut()

    stage.worker.observe(cut_once)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled", 2)
    assert stage.handling.started == ["a"]
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_what_waited_for_a_slot_is_not_started_from_a_lost_lease(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    await stage.told("received", 3)
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    stage.handling.finish("a")
    await stage.told("finished")
    await turns()
    assert stage.handling.started == ["a"]
    gate.open()
    stage.handling.finish("b", "c")
    await stage.told("settled", 3)
    assert stage.handling.started == ["a", "b", "c"]


async def test_a_loss_at_the_very_moment_a_slot_comes_free_starts_nothing_from_it(stage: Stage) -> None:
    """One handler ends, the next one loses the connection and ends, all in one turn of the loop."""
    go = asyncio.Event()
    gate = stage.fake.hold("connect")
    gate.open()
    started = []

    @stage.worker.handler("orders", concurrency=2, prefetch=4)
    async def work(delivery: Delivery) -> None:
        started.append(delivery.message_id)
        await go.wait()
        if delivery.message_id == "b" and len(stage.fake.connections) == 1:
            stage.fake.hold("connect")
            stage.fake.cut()

    stage.put("a", "b", "c", "d")
    await stage.running()
    await stage.told("received", 4)
    go.set()
    await stage.told("finished", 2)
    await turns()
    assert started == ["a", "b"]


@pytest.mark.parametrize("turns_before", range(8))
async def test_a_loss_at_the_very_moment_of_handing_back(stage: Stage, turns_before: int) -> None:
    @stage.worker.handler("orders", concurrency=1, prefetch=4)
    async def work(delivery: Delivery) -> None:
        await delivery.draining
        await turns(turns_before)
        stage.fake.cut()

    stage.put("a", "b", "c")
    await stage.running()
    await stage.told("received", 3)
    report = await stage.drained()
    assert report.exit_code == 0
    assert stage.ready() == ["a", "b", "c"] or stage.ids("settled") == ["a"]


async def test_a_connection_lost_while_draining_is_not_replaced_and_handlers_finish(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    await stage.told("received", 2)
    stage.worker.stop()
    await stage.told("requeued")
    stage.fake.cut()
    await turns()
    assert stage.handling.cancelled == []
    stage.handling.finish("a")
    report = await stage.report()
    assert (report.exit_code, report.finished, report.orphans) == (0, 1, [])
    assert len(stage.fake.connections) == 1
    assert stage.ready() == ["a", "b"]


async def test_a_connection_lost_during_the_cancel_hands_back_by_itself(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    await stage.told("received", 3)
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    stage.fake.cut()
    stage.handling.finish("a")
    report = await stage.report()
    assert (report.exit_code, report.handed_back) == (0, 0)
    assert stage.ready() == ["a", "b", "c"]


async def test_a_connection_lost_before_the_consume_ok_starts_nothing_from_it_afterwards(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    gate = stage.fake.hold("consume")
    stage.start()
    await within(gate.reached)
    await stage.handling.begun("a")
    connecting = stage.fake.hold("connect")
    stage.fake.cut()
    await within(connecting.reached)
    stage.handling.finish("a")
    await stage.told("finished")
    await turns()
    assert stage.handling.started == ["a"]
    connecting.open()
    gate.open()
    stage.handling.finish("b", "c")
    await stage.told("settled", 3)
    assert stage.handling.started == ["a", "b", "c"]


async def test_a_broker_that_restarts_may_refuse_for_a_while(stage: Stage) -> None:
    stage.handle()
    await stage.running()
    stage.fake.fail("connect", BrokerAway("restarting"), BrokerRefused("no such vhost yet"))
    stage.fake.cut()
    await stage.told("consuming", 2)
    assert len(stage.of("connecting")) == 2
    assert (await stage.drained()).exit_code == 0


async def test_a_broker_that_is_away_for_good_ends_the_run_after_the_handlers(stage: Stage) -> None:
    stage.make(reconnect_timeout=0.01)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.fake.fail("connect", *[BrokerAway("gone")] * 50)
    stage.fake.cut()
    await stage.told("drain_started")
    stage.handling.finish("a")
    with pytest.raises(BrokerAway, match="gone"):
        await stage.report()
    assert stage.ids("finished") == ["a"]
    assert stage.of("drain_finished")[0].data["exit_code"] == 1
