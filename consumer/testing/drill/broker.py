"""The drill's own way to the broker: publishes with confirms, and cleans up.

May know: the port's publisher, settings. May not know: an AMQP library, the drill's course.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from consumer.broker.amqp.tools import QueueTools
from consumer.broker.port import Publisher
from consumer.connecting import rabbitmq
from consumer.core.delivery import Outgoing, Properties
from consumer.settings import Settings


class RabbitMQ:
    """See options.DrillBroker."""

    def __init__(self, publisher: Publisher, tools: QueueTools) -> None:
        self._publisher = publisher
        self._tools = tools

    async def publish(self, queue: str, message_id: str, body: bytes) -> None:
        """See options.DrillBroker."""
        await self._publisher.publish(Outgoing(body, routing_key=queue, properties=Properties(message_id=message_id)))

    async def delete(self, queue: str) -> None:
        """See options.DrillBroker."""
        await self._tools.delete(queue)


@asynccontextmanager
async def open_broker(settings: Settings) -> AsyncIterator[RabbitMQ]:
    """The broker that the settings name, for as long as the block lasts."""
    broker = rabbitmq(settings, "lastcall drill")
    publisher, tools = broker.publisher(), broker.tools()
    try:
        yield RabbitMQ(publisher, tools)
    finally:
        await publisher.close()
        await tools.close()
