"""Declares level queues on their first need (core/delays.py says what they are).

May know: RabbitMQ's refusals of declarations. May not know: what is published to the queues.
"""

import asyncio

from aio_pika import Connection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed

from consumer.broker.amqp.convert import table
from consumer.core.delays import Delay
from consumer.errors import PublishFailed


class LevelQueues:
    """Those that are known to be there, as far as one connection has seen."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: set[str] = set()
        self._declaring = asyncio.Lock()

    async def need(self, delay: Delay) -> None:
        """Make sure, once, that the level queue is there. Raises PublishFailed (permanent) with the mend."""
        async with self._declaring:
            if delay.name not in self._known:
                await self._declare(delay)
                self._known.add(delay.name)

    def forget(self, delay: Delay) -> None:
        """It is not there any more."""
        self._known.discard(delay.name)

    async def _declare(self, delay: Delay) -> None:
        channel = await self._channel()
        try:
            await channel.queue_declare(delay.name, durable=True, arguments=table(delay.declaration))
        except ChannelAccessRefused as error:
            if not await self._is_there(delay.name):
                raise PublishFailed(
                    f"queue {delay.name!r} does not exist, and the user may not declare it ({error}). Give the user "
                    "the configure permission (`rabbitmqctl set_permissions`), or create it beforehand, durable, with "
                    f"the arguments {dict(delay.declaration)}.",
                    permanent=True,
                ) from error
        except ChannelPreconditionFailed as error:
            if "inequivalent arg" not in str(error):
                raise
            raise PublishFailed(
                f"queue {delay.name!r} exists with other arguments than delayed messages need ({error}). Let it run "
                f"empty and delete it (`rabbitmqctl delete_queue {delay.name}`): it is declared anew when needed.",
                permanent=True,
            ) from error
        else:
            await channel.close()

    async def _is_there(self, name: str) -> bool:
        channel = await self._channel()
        try:
            await channel.queue_declare(name, passive=True)
        except ChannelNotFoundEntity:
            return False
        await channel.close()
        return True

    async def _channel(self) -> AbstractChannel:
        channel = await self._connection.channel(publisher_confirms=False)
        return await channel.get_underlay_channel()
