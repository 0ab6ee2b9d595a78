"""For tools that look after queues beside a worker: the drill, tests, the command line.

May know: aiormq's queue methods. May not know: what the queues are for.
"""

from collections.abc import Awaitable, Callable

from aio_pika import Connection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelClosed, ChannelNotFoundEntity

from consumer.broker.amqp.convert import version_in
from consumer.broker.amqp.errors import CONNECTION_ERRORS, cancellations_of_the_client, reason
from consumer.broker.amqp.inspection import inspect, refused
from consumer.core.facts import QueueFacts, cautious_facts, facts_of
from consumer.core.queue import Queue
from consumer.errors import BrokerAway


class QueueTools:
    """Looks at queues and deletes them, on a connection that is opened when first needed."""

    def __init__(self, open_connection: Callable[[], Awaitable[Connection]]) -> None:
        self._open_connection = open_connection
        self._connection: Connection | None = None

    async def depth(self, queue: str) -> int | None:
        """How many messages are ready (not those that are out to consumers); None: there is no such queue.

        Raises BrokerRefused or BrokerAway.
        """
        try:
            with cancellations_of_the_client():
                channel = await self._channel()
                declared = await channel.queue_declare(queue, passive=True)
                await channel.close()
        except ChannelNotFoundEntity:
            return None
        except ChannelClosed as error:
            raise refused(f"look at queue {queue!r}", error) from error
        except CONNECTION_ERRORS as error:
            raise BrokerAway(f"lost while looking at queue {queue!r}: {reason(error)}") from error
        return declared.message_count or 0

    async def facts(self, queue: str) -> QueueFacts:
        """What can be found out about a queue that is there. Raises BrokerRefused when it is unfit for work."""
        found = await inspect(self._channel, Queue(queue))
        transport = None if self._connection is None else self._connection.transport
        version = version_in({} if transport is None else transport.connection.server_properties)
        return cautious_facts(version) if found is None else facts_of(version, found)

    async def delete(self, queue: str) -> None:
        """Delete the queue with its messages; one that is not there is no error."""
        channel = await self._channel()
        await channel.queue_delete(queue)
        await channel.close()

    async def close(self) -> None:
        """Close the connection; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _channel(self) -> AbstractChannel:
        if self._connection is None:
            self._connection = await self._open_connection()
        channel = await self._connection.channel(publisher_confirms=False)
        return await channel.get_underlay_channel()
