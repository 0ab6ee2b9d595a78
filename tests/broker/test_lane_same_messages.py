"""What RabbitMQ sends arrives the same on both transports: the lane's, and aiormq's own."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pamqp import commands as spec

from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.broker import Transport
from consumer.broker.port import Lease, Tls
from consumer.core.delivery import Message
from consumer.core.queue import Binding, Queue
from consumer.testing.brokers import BrokerHandle
from tests.broker.messages import messages

pytestmark = pytest.mark.broker

NUMBER = 2000
PREFETCH = 50
EXCHANGE = "amq.topic"


class Stage:
    """Two keys of an exchange, and for each transport a queue on each key."""

    def __init__(self, url: str, prefix: str) -> None:
        self.keys = [f"{prefix}even", f"{prefix}odd"]
        self._url = url

    def queues(self, transport: Transport) -> list[Queue]:
        return [Queue(f"{key}.{transport}", type="classic", bindings=[Binding(EXCHANGE, key)]) for key in self.keys]

    def broker(self, transport: Transport) -> AmqpBroker:
        return AmqpBroker([self._url], name="lastcall test", heartbeat=15, tls=Tls(), transport=transport)

    async def publish(self, sent: list[tuple[bytes, spec.Basic.Properties]]) -> None:
        connection = await self.broker("plain").connect()
        channel = await connection.channel()
        for transport in ("fast", "plain"):
            for queue in self.queues(transport):
                await connection.prepare(queue)
        for index, (body, properties) in enumerate(sent):
            key = self.keys[index % 2]
            await channel.basic_publish(body, exchange=EXCHANGE, routing_key=key, properties=properties)
        await connection.close()

    async def received(self, transport: Transport, number: int) -> list[list[Message]]:
        """What arrives on the two queues over one connection, each acked at once; without the queue's name."""
        inboxes: dict[str, list[Message]] = {queue.name: [] for queue in self.queues(transport)}
        complete = asyncio.Event()

        def take(lease: Lease, tag: int, message: Message) -> None:
            inboxes[message.queue].append(message.replaced(queue=""))
            lease.ack(tag, multiple=tag % 7 == 0)
            if sum(map(len, inboxes.values())) == number:
                complete.set()

        connection = await self.broker(transport).connect()
        leases = [await connection.consume(queue, PREFETCH, take) for queue in self.queues(transport)]
        await complete.wait()
        for lease in leases:
            await lease.cancel()
            await lease.close()
        await connection.close()
        return list(inboxes.values())

    async def leftovers(self) -> list[int | None]:
        """How many messages are still in the queues; they are deleted."""
        tools = self.broker("plain").tools()
        names = [queue.name for transport in ("fast", "plain") for queue in self.queues(transport)]
        depths = [await tools.depth(name) for name in names]
        for name in names:
            await tools.delete(name)
            await tools.delete(f"{name}.parked")
        await tools.close()
        return depths


@pytest.fixture
async def stage(lastcall_broker: BrokerHandle, queue_prefix: str) -> AsyncIterator[Stage]:
    stage = Stage(lastcall_broker.url, queue_prefix)
    async with asyncio.timeout(60):
        yield stage
        assert await stage.leftovers() == [0, 0, 0, 0]


async def test_messages_of_every_kind_are_the_same_on_both_transports(stage: Stage) -> None:
    sent = messages(NUMBER, seed=20)
    await stage.publish(sent)
    fast = await stage.received("fast", NUMBER)
    plain = await stage.received("plain", NUMBER)
    assert fast == plain
    for parity, inbox in enumerate(fast):
        assert [message.body for message in inbox] == [body for body, _ in sent[parity::2]]
        assert [message.message_id for message in inbox] == [properties.message_id for _, properties in sent[parity::2]]
