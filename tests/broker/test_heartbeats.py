"""A broker that falls silent: aiormq then cancels what waits for it, and none of that may look like a cancellation.

The three moments share their seconds of silence, so they are waited for together, once for each transport.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest
from yarl import URL

from consumer import Delivery, PublishFailed
from consumer.broker.amqp.broker import Transport
from consumer.core.events import Event
from tests.broker.live import Live, LiveWorker
from tests.process.wires import Wire

pytestmark = pytest.mark.broker

OverAWire = Callable[[], Coroutine[Any, Any, tuple[Wire, LiveWorker]]]


@asynccontextmanager
async def wires(live: Live, transport: Transport) -> AsyncIterator[OverAWire]:
    """Makes workers, each on a wire of its own, with the shortest heartbeat."""
    broker, made = URL(live.url), []

    async def over_a_wire() -> tuple[Wire, LiveWorker]:
        wire = Wire((str(broker.host), broker.port or 5672))
        await wire.connect()
        made.append(wire)
        url = str(broker.with_host("127.0.0.1").with_port(wire.port))
        return wire, live.worker(amqp_url=url, heartbeat=1, drain_timeout=30, transport=transport)

    yield over_a_wire
    for wire in made:
        wire.close()


async def a_drain_finishes(live: Live, over_a_wire: OverAWire) -> None:
    wire, worker = await over_a_wire()
    may_end = asyncio.Event()

    @worker.worker.handler("drain")
    async def work(_body: bytes) -> None:
        await may_end.wait()

    await worker.consuming()
    await live.put("drain")
    await worker.told("started")
    wire.freeze()
    worker.worker.stop()
    await worker.told("lease_lost")
    may_end.set()
    report = await worker.report()
    assert (report.exit_code, report.orphans, report.finished) == (0, [], 1)


async def a_start_is_tried_again(live: Live, over_a_wire: OverAWire) -> None:
    wire, worker = await over_a_wire()
    live.name("prepare")

    @worker.worker.handler("prepare")
    async def work(_body: bytes) -> None: ...

    @worker.worker.observe
    def silent_at_first(event: Event) -> None:
        if event.name == "connected" and event.data["generation"] == 1:
            wire.freeze()
        elif event.name == "connection_lost":
            wire.thaw()

    await worker.consuming()
    (lost,) = worker.of("connection_lost")
    assert "lost while preparing" in str(lost.data["reason"])
    assert (await worker.drained()).exit_code == 0


async def a_publish_fails(live: Live, over_a_wire: OverAWire) -> None:
    wire, worker = await over_a_wire()
    failures: list[str] = []

    @worker.worker.handler("publish")
    async def work(_body: bytes, delivery: Delivery) -> None:
        await delivery.publish(b"", routing_key=live.name("publish.parked"))
        if delivery.redelivered:
            return
        wire.freeze()
        try:
            await delivery.publish(b"", routing_key=live.name("publish.parked"))
        except PublishFailed as error:
            failures.append(str(error))
        finally:
            wire.thaw()

    await worker.consuming()
    await live.put("publish")
    await worker.told("finished")
    assert len(failures) == 1
    assert "not confirmed" in failures[0]
    await worker.told("settled")
    assert (await worker.drained()).exit_code == 0


@pytest.mark.parametrize("transport", get_args(Transport))
async def test_a_heartbeat_that_expires_ends_no_run_no_start_and_no_handler(live: Live, transport: Transport) -> None:
    async with wires(live, transport) as over_a_wire, asyncio.TaskGroup() as moments:
        for moment in (a_drain_finishes, a_start_is_tried_again, a_publish_fails):
            moments.create_task(moment(live, over_a_wire))
