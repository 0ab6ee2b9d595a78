"""For tools that look after queues beside a worker: the drill, tests, the command line.

May know: aiormq's queue methods. May not know: what the queues are for.
"""

from collections.abc import Awaitable, Callable

from aio_pika import Connection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity


class QueueTools:
    """Looks at queues and deletes them, on a connection that is opened when first needed."""

    def __init__(self, open_connection: Callable[[], Awaitable[Connection]]) -> None:
        self._open_connection = open_connection
        self._connection: Connection | None = None

    async def depth(self, queue: str) -> int | None:
        """How many messages are ready (not those that are out to consumers); None: there is no such queue."""
        channel = await self._channel()
        try:
            declared = await channel.queue_declare(queue, passive=True)
        except ChannelNotFoundEntity:
            return None
        await channel.close()
        return declared.message_count or 0

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
