"""Publishing: persistent, mandatory, confirmed, on a connection of its own that is opened when first needed.

May know: aiormq's confirms and returns. May not know: why something is published.

A connection of its own, because under a resource alarm RabbitMQ stops reading from every connection
that has published: acks on it would hang (RabbitMQ, "Alarms"). A channel for each exchange, because a publish
to an exchange that is not there closes its channel, and fails whatever else waits for a confirm on it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import copy_context
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from aio_pika import Connection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity, DeliveryError, PublishError

from consumer.broker.amqp.convert import properties_for
from consumer.broker.amqp.delays import LevelQueues
from consumer.broker.amqp.errors import CONNECTION_ERRORS, cancellations_of_the_client, reason
from consumer.core.delays import Delay, delay_of
from consumer.core.delivery import Outgoing
from consumer.errors import LastcallError, PublishFailed

T = TypeVar("T")


class AmqpPublisher:
    """See port.Publisher."""

    def __init__(self, open_connection: Callable[[], Awaitable[Connection]]) -> None:
        self._open_connection = open_connection
        self._opening = asyncio.Lock()
        self._connection: Connection | None = None
        self._levels: LevelQueues | None = None
        self._channels: dict[str, AbstractChannel] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._context = copy_context()
        self._opens: set[asyncio.Task[Any]] = set()

    async def publish(self, outgoing: Outgoing) -> None:
        """See port.Publisher."""
        with _told_as_publish_failed(outgoing):
            await self._publish(outgoing)

    async def publish_later(self, outgoing: Outgoing, seconds: float) -> None:
        """See port.Publisher."""
        delay = delay_of(outgoing, seconds)
        delayed = delay.delayed(outgoing)
        with _told_as_publish_failed(delayed):
            await self._apart(self._need(delay))
            try:
                await self._publish(delayed)
            except PublishError:  # somebody has deleted the level queue
                await self._apart(self._need(delay, again=True))
                await self._publish(delayed)

    async def close(self) -> None:
        """See port.Publisher."""
        for opening in self._opens:
            opening.cancel()
        if self._opens:
            await asyncio.wait(self._opens)
        connection, self._connection = self._connection, None
        self._channels.clear()
        if connection is not None:
            with suppress(*CONNECTION_ERRORS), cancellations_of_the_client():
                await connection.close()

    async def _publish(self, outgoing: Outgoing) -> None:
        channel = self._channels.get(outgoing.exchange)
        if channel is None or channel.is_closed:
            channel = await self._apart(self._channel(outgoing.exchange))
        try:
            properties = properties_for(outgoing, channel.connection.connection_tune.frame_max)
        except ValueError as error:
            raise PublishFailed(f"the message can't be published: {error}", permanent=True) from error
        # aiormq tells a returned message by its message id: two with the same one must not be under way at once.
        turn = self._turns.setdefault(properties.message_id, asyncio.Lock()) if properties.message_id else nullcontext()
        async with turn:
            await channel.basic_publish(
                outgoing.body,
                exchange=outgoing.exchange,
                routing_key=outgoing.routing_key,
                properties=properties,
                mandatory=True,
            )

    async def _apart(self, opening: Coroutine[Any, Any, T]) -> T:
        """What others will use too: in the publisher's own context, and to its end though the caller be cancelled."""
        task = asyncio.get_running_loop().create_task(opening, name="lastcall publisher", context=self._context.copy())
        self._opens.add(task)
        task.add_done_callback(self._opens.discard)
        return await asyncio.shield(task)

    async def _need(self, delay: Delay, *, again: bool = False) -> None:
        async with self._opening:
            connection = await self._connected()
            levels = self._levels = self._levels or LevelQueues(connection)
        if again:
            levels.forget(delay)
        await levels.need(delay)

    async def _channel(self, exchange: str) -> AbstractChannel:
        async with self._opening:
            channel = self._channels.get(exchange)
            if channel is None or channel.is_closed:
                connection = await self._connected()
                if exchange:
                    await self._look_at(connection, exchange)
                opened = await connection.channel(publisher_confirms=True, on_return_raises=True)
                channel = self._channels[exchange] = await opened.get_underlay_channel()
            return channel

    async def _connected(self) -> Connection:
        connection = self._connection
        if connection is None or connection.is_closed or not connection.connected.is_set():
            connection = self._connection = await self._open_connection()
            self._levels = None  # whatever was there may be gone
        return connection

    @staticmethod
    async def _look_at(connection: Connection, exchange: str) -> None:
        channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
        await channel.exchange_declare(exchange, passive=True)
        await channel.close()


@contextmanager
def _told_as_publish_failed(outgoing: Outgoing) -> Iterator[None]:
    where = f"exchange {outgoing.exchange!r} with routing key {outgoing.routing_key!r}"
    try:
        with cancellations_of_the_client():
            yield
    except PublishError as error:
        raise PublishFailed(f"{where}: no queue takes it ({error}). Declare the queue or the binding.") from error
    except DeliveryError as error:
        raise PublishFailed(f"{where}: the broker refused it ({error}): a full queue, perhaps.") from error
    except ChannelNotFoundEntity as error:
        raise PublishFailed(f"{where}: {reason(error)}. Declare the exchange.") from error
    except PublishFailed:
        raise
    except LastcallError as error:
        raise PublishFailed(f"{where}: {error}") from error
    except (*CONNECTION_ERRORS, TimeoutError) as error:
        raise PublishFailed(f"{where}: not confirmed: {reason(error)}") from error
