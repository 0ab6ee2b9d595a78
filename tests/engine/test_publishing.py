"""What handlers and the worker publish is named, carries trace and correlation on, and is confirmed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from consumer import Delivery, PublishFailed, Worker
from consumer.core.delivery import Message
from consumer.errors import LastcallError
from tests.engine.stage import Stage, within

TRACE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1", "tenant": "x"}


async def published(stage: Stage, came_with: dict[str, object], **given: object) -> Message:
    """What a handler publishes of a message with these headers."""

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await delivery.publish(b"[]", routing_key="invoices", **given)  # type: ignore[arg-type]  # given by name

    stage.fake.declare("invoices")
    stage.put("a", headers=came_with)
    stage.start()
    await stage.told("settled")
    await stage.drained()
    (invoice,) = stage.fake.ready("invoices")
    return invoice


async def test_a_trace_goes_on_and_other_headers_do_not(stage: Stage) -> None:
    invoice = await published(stage, dict(TRACE))
    assert invoice.properties.headers == {name: TRACE[name] for name in ("traceparent", "tracestate")}


async def test_what_is_given_comes_before_what_is_carried(stage: Stage) -> None:
    invoice = await published(stage, dict(TRACE), headers={"tracestate": "b=2"}, correlation_id="c9", message_id="i1")
    assert invoice.properties.headers["tracestate"] == "b=2"
    assert (invoice.properties.correlation_id, invoice.message_id) == ("c9", "i1")


async def test_it_has_a_message_id_in_any_case(stage: Stage) -> None:
    assert (await published(stage, {})).message_id


async def test_an_unroutable_message_is_an_error_of_the_handler(stage: Stage) -> None:
    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await delivery.publish(b"[]", routing_key="nowhere")

    stage.put("a")
    stage.start()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.properties.headers["x-lastcall-exception"] == "PublishFailed"
    await stage.drained()


async def test_the_worker_publishes_from_its_lifespan_and_its_background(stage: Stage) -> None:
    stage.handle()
    stage.fake.declare("invoices")
    done = asyncio.Event()

    @stage.worker.lifespan
    async def resources() -> AsyncIterator[None]:
        await stage.worker.publish(b"1", routing_key="invoices", message_id="at the start")
        yield
        await stage.worker.publish(b"3", routing_key="invoices", message_id="at the end")

    @stage.worker.background
    async def task() -> None:
        await stage.worker.publish(b"2", routing_key="invoices", message_id="beside")
        done.set()

    await stage.running()
    await within(done.wait())
    assert (await stage.drained()).exit_code == 0
    assert stage.ready("invoices") == ["at the start", "beside", "at the end"]


async def test_a_worker_that_does_not_run_says_so(stage: Stage) -> None:
    with pytest.raises(LastcallError, match="while the worker runs"):
        await Worker(broker=stage.fake).publish(b"", routing_key="invoices")


async def test_a_failed_publish_is_raised(stage: Stage) -> None:
    stage.handle()
    await stage.running()
    with pytest.raises(PublishFailed):
        await stage.worker.publish(b"", routing_key="nowhere")
    await stage.drained()
