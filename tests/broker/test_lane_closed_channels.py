"""A channel that RabbitMQ closes takes no more with it than itself, however busy it is."""

import asyncio
from typing import get_args

import pytest

from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.broker import Transport
from consumer.broker.port import Lease, Tls
from consumer.core.delivery import Message
from consumer.core.queue import Queue
from consumer.testing.brokers import BrokerHandle

pytestmark = pytest.mark.broker

UNKNOWN_TAG = 999


@pytest.mark.parametrize("transport", get_args(Transport))
async def test_acks_that_come_too_late_for_their_channel_leave_the_connection_alone(
    lastcall_broker: BrokerHandle, queue_prefix: str, transport: Transport
) -> None:
    """RabbitMQ answers a frame on a channel that is no more by closing the connection (504)."""
    broker = AmqpBroker([lastcall_broker.url], name="lastcall test", heartbeat=15, tls=Tls(), transport=transport)
    queue, arrived = Queue(f"{queue_prefix}work", type="classic"), asyncio.Event()

    def take(lease: Lease, tag: int, message: Message) -> None:
        lease.ack(tag, multiple=False)
        arrived.set()

    async with asyncio.timeout(20):
        connection = await broker.connect()
        await connection.prepare(queue)
        other = await connection.consume(Queue(queue.parking), 1, take)
        lease = await connection.consume(queue, 10, take)
        lease.ack(UNKNOWN_TAG, multiple=False)
        while not lease.lost.done():  # a settlement in every turn of the loop
            lease.ack(1, multiple=False)
            await asyncio.sleep(0)
        channel = await connection.channel()
        await channel.basic_publish(b"", routing_key=queue.parking)
        await arrived.wait()  # so the connection has outlived it, and the other consumer too
        assert not other.lost.done()
        await connection.close()
        tools = broker.tools()
        for name in (queue.name, queue.parking):
            await tools.delete(name)
        await tools.close()
