"""What a handler for trio is given works there as it does in asyncio, and in either beside the other."""

import asyncio
from contextvars import ContextVar

import trio
import trio.testing

from consumer import Delivery
from tests.hosts.trio_stage import TrioStage, in_trio

tenant: ContextVar[str] = ContextVar("tenant")


@in_trio
async def test_it_waits_for_the_drain_and_asks_for_it_as_one_of_asyncio_does(trio_stage: TrioStage) -> None:
    seen: dict[str, list[bool]] = {}

    @trio_stage.worker.handler("orders", executor="trio")
    async def work(delivery: Delivery) -> None:
        seen["trio"] = [bool(delivery.draining)]
        await delivery.draining
        await delivery.draining  # and once more
        seen["trio"].append(bool(delivery.draining))

    @trio_stage.worker.handler("refunds")
    async def work_in_asyncio(delivery: Delivery) -> None:
        seen["asyncio"] = [bool(delivery.draining)]
        await delivery.draining
        await delivery.draining
        seen["asyncio"].append(bool(delivery.draining))

    trio_stage.put("a")
    trio_stage.put("b", queue="refunds")
    async with trio_stage.serving():
        await trio_stage.told("started", 2)
    assert seen == {"trio": [False, True], "asyncio": [False, True]}
    assert trio_stage.ids("settled") == ["a", "b"]


@in_trio
async def test_it_publishes_by_its_delivery_and_by_the_worker(trio_stage: TrioStage) -> None:
    @trio_stage.worker.handler("orders", executor="trio")
    async def work(delivery: Delivery) -> None:
        await delivery.publish(b"", routing_key="invoices", message_id="by the delivery")
        await trio_stage.worker.publish(b"", routing_key="invoices", message_id="by the worker")
        await delivery.publish(b"", routing_key="nowhere")

    trio_stage.fake.declare("invoices")
    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
    assert trio_stage.ready("invoices") == ["by the delivery", "by the worker"]
    assert str(trio_stage.reason()).startswith("PublishFailed")


@in_trio
async def test_whoever_runs_beside_the_worker_in_trio_publishes_by_it(trio_stage: TrioStage) -> None:
    @trio_stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        await trio_stage.worker.publish(b"", routing_key="invoices", message_id="from asyncio")

    trio_stage.fake.declare("invoices")
    async with trio_stage.serving():
        await trio_stage.told("consuming")
        await trio_stage.worker.publish(b"", routing_key="orders")
        await trio_stage.told("settled")
    assert trio_stage.ready("invoices") == ["from asyncio"]


@in_trio
async def test_its_own_cancel_scopes_end_a_publish_that_is_not_confirmed(trio_stage: TrioStage) -> None:
    ended: list[str] = []

    @trio_stage.worker.handler("orders", executor="trio")
    async def work(delivery: Delivery) -> None:
        trio_stage.fake.hold("confirm")
        with trio.move_on_after(1) as by_time:
            await delivery.publish(b"", routing_key="orders.parked")
        with trio.CancelScope() as by_hand:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: delivery.publish(b"", routing_key="orders.parked"))
                await trio.testing.wait_all_tasks_blocked()
                by_hand.cancel()
        ended.extend(["by time"] * by_time.cancelled_caught + ["by hand"] * by_hand.cancelled_caught)

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
    assert ended == ["by time", "by hand"]


@in_trio
async def test_context_variables_reach_it_and_what_it_sets_stays_its_own(trio_stage: TrioStage) -> None:
    seen: list[str] = []

    @trio_stage.worker.handler("orders", executor="trio", concurrency=1)
    async def work(delivery: Delivery) -> None:
        seen.append(tenant.get())
        tenant.set(str(delivery.message_id))
        await trio.lowlevel.checkpoint()
        seen.append(tenant.get())

    tenant.set("outside")
    trio_stage.put("a", "b")
    async with trio_stage.serving():
        await trio_stage.told("settled", 2)
    assert seen == ["outside", "a", "outside", "b"]
    assert tenant.get() == "outside"


@in_trio
async def test_it_can_await_what_is_written_for_asyncio_by_trio_asyncio(trio_stage: TrioStage) -> None:
    import trio_asyncio  # noqa: PLC0415 - see trio_stage

    async def of_asyncio(delivery: Delivery) -> None:
        await asyncio.sleep(0)
        await delivery.publish(b"", routing_key="invoices", message_id="i")

    @trio_stage.worker.handler("orders", executor="trio")
    async def work(delivery: Delivery) -> None:
        await trio_asyncio.aio_as_trio(of_asyncio)(delivery)

    trio_stage.fake.declare("invoices")
    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
    assert (trio_stage.ready("invoices"), trio_stage.fake.is_empty("orders.parked")) == (["i"], True)
