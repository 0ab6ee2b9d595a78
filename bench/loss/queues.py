"""The bench's own hand in the queues: publishes until it is confirmed, looks, and takes out.

May know: the package's AMQP client. May not know: workers.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiormq.abc import AbstractChannel
from pamqp import commands as spec
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from consumer.broker.amqp import AmqpBroker
from consumer.broker.port import Publisher, Tls
from consumer.core.delivery import Outgoing, Properties
from consumer.errors import PublishFailed


class Sender:
    """Publishes; what was not confirmed is published again, until it is."""

    def __init__(self, publisher: Publisher, queue: str) -> None:
        self.sent_again: set[str] = set()
        """Ids of which there may be two messages: the first one's confirm was lost."""
        self._publisher = publisher
        self._queue = queue

    async def send(self, message_id: str) -> None:
        """Returns when it is confirmed."""
        outgoing = Outgoing(b"{}", self._queue, properties=Properties(message_id=message_id))
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(PublishFailed), wait=wait_random_exponential(0.1, max=2)
        ):
            if attempt.retry_state.attempt_number > 1:
                self.sent_again.add(message_id)
            with attempt:
                await self._publisher.publish(outgoing)


def client(*urls: str) -> AmqpBroker:
    """Our own way to the broker."""
    return AmqpBroker(urls, name="loss figures", heartbeat=15, tls=Tls())


@asynccontextmanager
async def sender(*urls: str, queue: str) -> AsyncIterator[Sender]:
    """A sender for as long as the block lasts."""
    publisher = client(*urls).publisher()
    try:
        yield Sender(publisher, queue)
    finally:
        await publisher.close()


@asynccontextmanager
async def channel(*urls: str) -> AsyncIterator[AbstractChannel]:
    """A channel for as long as the block lasts."""
    connection = await client(*urls).open("loss figures (looking)")
    try:
        yield await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
    finally:
        await connection.close()


async def taken_out(queue: str, *urls: str) -> list[str]:
    """The ids of all that is in the queue, which is empty then."""
    async with channel(*urls) as way_in:
        ids: list[str] = []
        while isinstance((message := await way_in.basic_get(queue, no_ack=True)).delivery, spec.Basic.GetOk):
            ids.append(message.header.properties.message_id or "")
        return ids


async def depth(queue: str, *urls: str) -> int:
    """How many messages are ready there; 0 where there is no such queue."""
    tools = client(*urls).tools()
    try:
        return await tools.depth(queue) or 0
    finally:
        await tools.close()
