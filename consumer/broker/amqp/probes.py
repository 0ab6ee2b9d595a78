"""Looking at what others have set up, for `lastcall check`: a queue's traits, and what a user may do. Changes nothing.

May know: RabbitMQ's refusals, and that permissions are looked at before anything else is. May not know: what for.

Each question is asked so that its answer is a refusal, or nothing at all (tried on RabbitMQ 3.10.8, 4.0.5 and 4.3.6):
- configure: a declaration of a queue type that there is none of (see inspection.py);
- read: a consumer whose priority is a text;
- write: a message that no queue takes, and that comes back. While an alarm lasts it does not, and nothing that is asked
  on the connection after it is answered: it is to be the last question;
- a binding: taking away one that is not there.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aio_pika import Connection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelClosed,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    DeliveryError,
)

from consumer.broker.amqp.convert import table, version_in
from consumer.broker.amqp.errors import CONNECTION_ERRORS, cancellations_of_the_client, reason
from consumer.broker.amqp.inspection import DIFFERENCE, PROBE, difference, inspect
from consumer.core.facts import Version
from consumer.core.queue import Queue
from consumer.errors import BrokerAway

PUBLISHING = 5.0
"""Seconds within which a broker that takes messages has answered to one."""
CLOSING = 2.0
"""Seconds that the broker is given to say goodbye: one that blocks publishers never does."""


@dataclass(frozen=True, slots=True)
class Traits:
    """A queue that is there. `arguments`: what it was declared with, its type among it; None: could not be seen.

    `hidden`: the user has no permission at all on it, and from 4.3 on may not even know whether it is there.
    """

    durable: bool = True
    auto_delete: bool = False
    exclusive: bool = False
    hidden: bool = False
    arguments: dict[str, object] | None = None


@asynccontextmanager
async def probing(open_connection: Callable[[], Awaitable[Connection]]) -> "AsyncIterator[Probes]":
    """Probes on a connection of their own. Raises BrokerRefused, or BrokerAway, if it is lost meanwhile too."""
    connection = await open_connection()
    try:
        with cancellations_of_the_client():
            yield Probes(connection)
    except CONNECTION_ERRORS as error:
        raise BrokerAway(f"lost while looking at queues: {reason(error)}") from error
    finally:
        with suppress(*CONNECTION_ERRORS):
            async with asyncio.timeout(CLOSING):
                await connection.close()


class Probes:
    """The questions. See `probing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def version(self) -> Version:
        """RabbitMQ's."""
        transport = self._connection.transport
        return version_in({} if transport is None else transport.connection.server_properties)

    async def queue(self, name: str) -> Traits | None:
        """The queue; None: there is none."""
        channel = await self._channel()
        try:
            await channel.queue_declare(name, passive=True)
        except ChannelNotFoundEntity:
            return None
        except ChannelLockedResource:
            return Traits(exclusive=True)
        except ChannelAccessRefused:
            return Traits(hidden=True)
        await channel.close()
        return await self._traits(name)

    async def exchange(self, name: str) -> bool:
        """Whether there is an exchange of that name (as far as the user may see)."""
        channel = await self._channel()
        try:
            await channel.exchange_declare(name, passive=True)
        except ChannelClosed:
            return False
        await channel.close()
        return True

    async def may_configure(self, name: str) -> bool:
        """Whether a queue (or an exchange: permissions go by names) of this name could be declared."""
        return await self._allowed(
            lambda channel: channel.queue_declare(name, durable=True, arguments=table({"x-queue-type": PROBE}))
        )

    async def may_read(self, name: str) -> bool:
        """Whether a queue of this name could be consumed (or bound to an exchange of this name)."""

        async def ignore(_: object) -> None: ...

        return await self._allowed(
            lambda channel: channel.basic_consume(name, ignore, arguments=table({"x-priority": PROBE}))
        )

    async def may_publish(self) -> bool:
        """Whether messages could be published to queues by their names; the last question to be asked.

        Raises TimeoutError when the broker takes no messages at present (an alarm: memory, disk).
        """
        nowhere = f"{PROBE}-{secrets.token_hex(8)}"
        async with asyncio.timeout(PUBLISHING):
            return await self._allowed(
                lambda channel: channel.basic_publish(b"", routing_key=nowhere, mandatory=True), confirms=True
            )

    async def may_bind(self, queue: str, exchange: str) -> bool:
        """Whether the queue could be bound, as far as the queue goes (write); the exchange's part is `may_read`."""
        nothing = f"{PROBE}-{secrets.token_hex(8)}"
        channel = await self._channel()
        try:
            await channel.queue_unbind(queue, exchange, nothing)
        except ChannelAccessRefused as refusal:
            return " to exchange " in str(refusal)  # the exchange's turn comes after the queue's
        except ChannelClosed:
            return True
        await channel.close()
        return True

    async def _traits(self, name: str) -> Traits:
        """Durable and auto-delete are compared before the arguments: each refusal names the first that differs."""
        durable, auto_delete = True, False
        arg, value = await self._first_difference(name, durable=durable, auto_delete=auto_delete)
        if arg == "durable":
            durable = False
            arg, value = await self._first_difference(name, durable=durable, auto_delete=auto_delete)
        if arg == "auto_delete":
            auto_delete = True
            arg, value = await self._first_difference(name, durable=durable, auto_delete=auto_delete)
        if arg == "x-queue-type" and value == "stream":
            return Traits(durable, auto_delete, arguments={"x-queue-type": "stream"})
        if auto_delete or not durable:
            return Traits(durable, auto_delete)
        return Traits(arguments=await inspect(self._channel, Queue(name)))

    async def _first_difference(self, name: str, *, durable: bool, auto_delete: bool) -> tuple[str, str | None]:
        """The property in which the queue differs from that, and its own value; empty: it can't be seen."""
        probe = {"x-queue-type": PROBE}
        text = await difference(self._channel, name, probe, durable=durable, auto_delete=auto_delete)
        found = None if text is None else DIFFERENCE.search(text)
        return ("", None) if found is None else (found["arg"], found["value"])

    async def _allowed(self, ask: Callable[[AbstractChannel], Awaitable[object]], *, confirms: bool = False) -> bool:
        channel = await self._channel(confirms=confirms)
        try:
            await ask(channel)
        except ChannelAccessRefused:
            return False
        except (ChannelClosed, DeliveryError):
            return True  # refused for what was asked, and not for who asks
        await channel.close()
        return True

    async def _channel(self, *, confirms: bool = False) -> AbstractChannel:
        channel = await self._connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
        return await channel.get_underlay_channel()
