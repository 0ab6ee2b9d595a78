"""Publishing: persistent, mandatory, confirmed, on a connection of its own that is opened when first needed.

May know: aiormq's confirms and returns. May not know: why something is published.

A connection of its own, because under a resource alarm RabbitMQ stops reading from every connection
that has published: acks on it would hang (RabbitMQ, "Alarms").
"""

import asyncio
from collections.abc import Awaitable, Callable

from aio_pika import Connection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import DeliveryError, PublishError

from consumer.broker.amqp.convert import properties_for
from consumer.broker.amqp.errors import CONNECTION_ERRORS, reason
from consumer.core.delivery import Outgoing
from consumer.errors import LastcallError, PublishFailed


class AmqpPublisher:
    """See port.Publisher."""

    def __init__(self, open_connection: Callable[[], Awaitable[Connection]]) -> None:
        self._open_connection = open_connection
        self._opening = asyncio.Lock()
        self._connection: Connection | None = None
        self._channel: AbstractChannel | None = None

    async def publish(self, outgoing: Outgoing) -> None:
        """See port.Publisher."""
        where = f"exchange {outgoing.exchange!r} with routing key {outgoing.routing_key!r}"
        try:
            channel = await self._ready()
            await channel.basic_publish(
                outgoing.body,
                exchange=outgoing.exchange,
                routing_key=outgoing.routing_key,
                properties=properties_for(outgoing),
                mandatory=True,
            )
        except PublishError as error:
            raise PublishFailed(f"{where}: no queue takes it ({error}). Declare the queue or the binding.") from error
        except DeliveryError as error:
            raise PublishFailed(f"{where}: the broker refused it ({error}): a full queue, perhaps.") from error
        except LastcallError as error:
            raise PublishFailed(f"{where}: {error}") from error
        except (*CONNECTION_ERRORS, TimeoutError) as error:
            raise PublishFailed(f"{where}: not confirmed: {reason(error)}") from error
        except (TypeError, ValueError) as error:
            raise PublishFailed(f"{where}: can't be put into an AMQP frame: {reason(error)}") from error

    async def close(self) -> None:
        """See port.Publisher."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            await connection.close()

    async def _ready(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                if self._connection is None or self._connection.is_closed or not self._connection.connected.is_set():
                    self._connection = await self._open_connection()
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                self._channel = await channel.get_underlay_channel()
            return self._channel
