"""A queue that goes while it is consumed: its channel is closed, another takes its place, others are left alone."""

import asyncio
from typing import get_args

import pytest

from consumer import Delivery, Queue
from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.broker import AmqpConnection, Transport
from consumer.broker.port import Tls
from tests.broker.live import Live

pytestmark = pytest.mark.broker


class Remembering(AmqpBroker):
    """Keeps the connections that it makes."""

    def __init__(self, url: str, transport: Transport) -> None:
        super().__init__([url], name="lastcall test", heartbeat=15, tls=Tls(), transport=transport)
        self.connections: list[AmqpConnection] = []

    async def connect(self) -> AmqpConnection:
        self.connections.append(await super().connect())
        return self.connections[-1]

    async def open_channels(self) -> int:
        """How many channels the one connection has open."""
        (connection,) = self.connections
        probe = await connection.channel()
        others = len(probe.connection.channels) - 1
        await probe.close()
        return others


@pytest.mark.parametrize("transport", get_args(Transport))
async def test_after_the_broker_cancelled_the_consumer_its_channel_is_closed(live: Live, transport: Transport) -> None:
    broker = Remembering(live.url, transport)
    worker = live.worker(broker=broker)

    @worker.worker.handler("work")
    async def work(_body: bytes) -> None: ...

    await worker.consuming()
    before = await broker.open_channels()
    for losses in (1, 2):
        await live.delete("work")
        await worker.told("consuming", losses + 1)
    assert "cancelled the consumer" in str(worker.of("channel_lost")[0].data["reason"])
    assert await broker.open_channels() == before
    await live.put("work")
    await worker.told("settled")
    assert (await worker.drained()).exit_code == 0


async def test_a_deleted_queue_that_may_not_be_declared_is_waited_for_while_the_other_ones_handler_runs_on(
    live: Live,
) -> None:
    broker = Remembering(live.url, "fast")
    worker, may_end = live.worker(broker=broker), asyncio.Event()
    runs = []
    await live.declare("refunds")

    @worker.worker.handler("orders")
    async def charge(_body: bytes) -> None:
        runs.append("orders")
        await may_end.wait()

    @worker.worker.handler(Queue("refunds", declare=False))
    async def refund(_body: bytes, delivery: Delivery) -> None:
        runs.append("refunds")

    await worker.consuming()
    await live.put("orders")
    await worker.told("started")
    await live.delete("refunds")
    await worker.told("channel_lost", 2)
    assert "does not exist" in str(worker.of("channel_lost")[1].data["reason"])
    await live.declare("refunds")
    await live.put("refunds")
    await worker.told("settled")
    may_end.set()
    await worker.told("settled", 2)
    assert runs == ["orders", "refunds"]
    assert len(broker.connections) == 1
    assert (await worker.drained()).exit_code == 0
