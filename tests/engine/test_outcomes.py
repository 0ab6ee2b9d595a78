"""What becomes of a message follows from how its handler ends: acked, requeued, or parked and then acked."""

import asyncio

import pytest
from pydantic import BaseModel

from consumer import Delivery, Park, PublishFailed, Requeue
from tests.engine.stage import Stage, turns, within


class Order(BaseModel):
    id: str
    cents: int


async def test_a_handler_that_returns_acks(stage: Stage) -> None:
    orders = []

    @stage.worker.handler("orders")
    async def work(order: Order, delivery: Delivery) -> None:
        orders.append((order, delivery.message_id))

    stage.fake.put("orders", b'{"id": "o1", "cents": 7}', message_id="a")
    stage.start()
    await stage.told("settled")
    await stage.drained()
    assert orders == [(Order(id="o1", cents=7), "a")]
    assert stage.fake.is_empty("orders")
    assert stage.fake.is_empty("orders.parked")


async def test_a_failed_handlers_message_is_parked_by_a_confirmed_publish_and_then_acked(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    gate = stage.fake.hold("confirm")
    stage.handling.fail("a", ValueError("no such tenant"))
    await within(gate.reached)
    await turns()
    assert stage.unacked() == ["a"], "acked before the copy was confirmed"
    gate.open()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert (parked.message_id, parked.body) == ("a", b"{}")
    assert parked.properties.headers["x-lastcall-reason"] == "ValueError: no such tenant"
    assert "ValueError: no such tenant" in str(parked.properties.headers["x-lastcall-traceback"])
    assert [event.name for event in stage.events if event.message_id == "a"] == [
        "received",
        "started",
        "finished",
        "parked",
        "settled",
    ]
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_parking_that_fails_is_tried_again_and_the_message_never_acked_before(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.fake.fail("confirm", PublishFailed("the queue is full"))
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("parking_failed")
    assert stage.of("parking_failed")[0].data["error"] == "the queue is full"
    assert stage.unacked() == ["a"]
    await stage.told("settled")
    assert len(stage.fake.ready("orders.parked")) == 1
    assert (await stage.drained()).exit_code == 0


async def test_a_message_whose_copy_is_still_not_confirmed_at_the_deadline_goes_back(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.fake.fail("confirm", *[PublishFailed("the queue is full")] * 50)
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("parking_failed")
    report = await stage.drained()
    assert (report.exit_code, report.orphans) == (3, ["a"])
    assert stage.ready() == ["a"]
    assert stage.fake.is_empty("orders.parked")


async def test_a_failed_handlers_message_whose_lease_was_lost_is_parked_once(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.fake.cut()
    await stage.told("received", 2)
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("settled")
    assert stage.handling.started == ["a"]
    assert len(stage.fake.ready("orders.parked")) == 1, "over the redelivery that joined"
    assert (await stage.drained()).exit_code == 0


@pytest.mark.parametrize("body", [b"not json", b'{"id": "o1"}', b"\xff\xfe"])
async def test_what_cannot_be_decoded_is_parked_and_reaches_no_handler(stage: Stage, body: bytes) -> None:
    @stage.worker.handler("orders")
    async def work(_order: Order) -> None:
        pytest.fail("called with what is no order")

    stage.fake.put("orders", body, message_id="a")
    stage.start()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.body == body
    assert parked.properties.headers["x-lastcall-reason"]
    assert (await stage.drained()).exit_code == 0


async def test_park_sets_the_message_aside_with_its_reason(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.handling.fail("a", Park("a person must look"))
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.properties.headers["x-lastcall-reason"] == "a person must look"
    assert "x-lastcall-traceback" not in parked.properties.headers
    await stage.drained()


async def test_requeue_hands_the_message_back_at_once(stage: Stage) -> None:
    runs = []

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        runs.append(delivery.redelivered)
        if len(runs) == 1:
            raise Requeue

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert runs == [False, True]
    assert [event.data["reason"] for event in stage.of("requeued")] == ["asked for by the handler"]
    await stage.drained()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_what_would_end_a_process_ends_only_this_delivery(stage: Stage, error: BaseException) -> None:
    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        raise error

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert len(stage.fake.ready("orders.parked")) == 1
    assert (await stage.drained()).exit_code == 0


async def test_a_handler_can_publish_and_is_acked_only_after_the_confirm(stage: Stage) -> None:
    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await delivery.publish(b"[]", routing_key="invoices", message_id="i1")

    stage.fake.declare("invoices")
    stage.put("a")
    gate = stage.fake.hold("confirm")
    stage.start()
    await within(gate.reached)
    assert stage.unacked() == ["a"]
    gate.open()
    await stage.told("settled")
    (invoice,) = stage.fake.ready("invoices")
    assert (invoice.message_id, invoice.properties.correlation_id) == ("i1", "a")
    await stage.drained()
