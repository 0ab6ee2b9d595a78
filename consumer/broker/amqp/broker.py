"""Connections to RabbitMQ: several addresses tried in turn, TLS verified, heartbeats on.

May know: aio-pika's connection. May not know: the reconnect policy (broker/reconnect.py), handlers, the drain.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import aio_pika
from aiormq.abc import AbstractChannel
from yarl import URL

from consumer.broker.amqp.convert import version_in
from consumer.broker.amqp.errors import (
    CONNECTION_ERRORS,
    cancellations_of_the_client,
    consuming,
    explain,
    masked,
    reason,
)
from consumer.broker.amqp.lane import Lane
from consumer.broker.amqp.lease import AmqpLease
from consumer.broker.amqp.publisher import AmqpPublisher
from consumer.broker.amqp.pulse import Pulse
from consumer.broker.amqp.seams import Seam, seam
from consumer.broker.amqp.tools import QueueTools
from consumer.broker.amqp.topology import prepare
from consumer.broker.port import OnDelivery, OnLost, Tls
from consumer.broker.tls import tls_context
from consumer.core.facts import QueueFacts, Version
from consumer.core.queue import Queue
from consumer.errors import BrokerAway, LastcallError

if TYPE_CHECKING:
    from consumer.broker.management import Management

Transport: TypeAlias = Literal["fast", "plain"]

ATTEMPT_TIMEOUT = 10.0
"""Seconds that one address may take to answer before the next one is tried."""


class AmqpConnection:
    """One generation. See port.Connection."""

    def __init__(
        self,
        connection: aio_pika.Connection,
        generation: int,
        lane: Lane | None,
        management: "Management | None",
    ) -> None:
        self.generation = generation
        self.address = masked(connection.url)
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._lane = lane
        self._management = management
        connection.close_callbacks.add(self._on_close)

    async def channel(self) -> AbstractChannel:
        """A fresh channel of this connection, without publisher confirms."""
        channel = await self._connection.channel(publisher_confirms=False)
        return await channel.get_underlay_channel()

    async def prepare(self, queue: Queue) -> QueueFacts:
        """See port.Connection."""
        try:
            with cancellations_of_the_client():
                facts = await prepare(self.channel, self._version, queue)
        except CONNECTION_ERRORS as error:
            raise BrokerAway(f"{self.address}: lost while preparing queue {queue.name!r}: {reason(error)}") from error
        return facts if self._management is None else await self._management.refined(facts, queue)

    async def consume(
        self, queue: Queue, prefetch: int, on_delivery: OnDelivery, on_lost: "OnLost | None" = None
    ) -> AmqpLease:
        """See port.Connection."""
        with consuming(queue.name, self.address):
            channel = await self.channel()
            lease = AmqpLease(channel, self.generation, self.address, queue, on_delivery, on_lost, self._lane)
            await lease.consume(prefetch)
        return lease

    async def close(self) -> None:
        """See port.Connection."""
        with suppress(*CONNECTION_ERRORS), cancellations_of_the_client():
            await self._connection.close()

    @property
    def _version(self) -> Version:
        transport = self._connection.transport
        return version_in({} if transport is None else transport.connection.server_properties)

    def _on_close(self, _sender: object, error: BaseException | None) -> None:
        if not self.lost.done():
            self.lost.set_result("closed" if error is None else reason(error))


class AmqpBroker:
    """See port.Broker. `addresses` are AMQP URLs with their secrets; the one that worked last is tried first.

    `transport`: "fast" takes deliveries from the byte stream (lane.py), "plain" from aiormq's callback.
    `management`: asked for what AMQP doesn't show of a queue.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        name: str,
        heartbeat: int,
        tls: Tls,
        transport: Transport = "fast",
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        management: "Management | None" = None,
    ) -> None:
        self._urls = [URL(address).update_query(heartbeat=str(heartbeat)) for address in addresses]
        self._name = name
        self._tls = tls
        self._transport = transport
        self._attempt_timeout = attempt_timeout
        self._management = management
        self._generations = count(1)

    async def connect(self) -> AmqpConnection:
        """See port.Broker."""
        through = self._seam()
        connection = await self.open(self._name, through)
        return AmqpConnection(connection, next(self._generations), through.lane, self._management)

    def publisher(self) -> AmqpPublisher:
        """See port.Broker."""
        return AmqpPublisher(lambda: self.open(f"{self._name} (publisher)"))

    def tools(self) -> QueueTools:
        """For looking after queues beside a worker."""
        return QueueTools(lambda: self.open(f"{self._name} (tools)"))

    async def open(self, name: str, through: Seam | None = None) -> aio_pika.Connection:
        """An aio-pika connection to the first address that answers; `name` is shown by the management UI."""
        errors: list[LastcallError] = []
        through = through or self._seam()
        for url in list(self._urls):
            try:
                with cancellations_of_the_client():
                    connection = await self._dial(url, name, through)
            except (*CONNECTION_ERRORS, TimeoutError) as error:
                errors.append(explain(error, url, through.lane.cutter.farewell if through.lane else None))
            else:
                self._urls.sort(key=lambda known: known != url)
                return connection
        away = [error for error in errors if isinstance(error, BrokerAway)]
        if away and len(errors) > 1:
            raise BrokerAway("; ".join(str(error) for error in errors))
        raise errors[0]

    def _seam(self) -> Seam:
        return seam(Lane if self._transport == "fast" else Pulse)

    async def _dial(self, url: URL, name: str, through: Seam) -> aio_pika.Connection:
        connection = through.connection(
            url,
            ssl_context=tls_context(self._tls) if url.scheme == "amqps" else None,
            client_properties={"connection_name": name},
        )
        try:
            await connection.connect(timeout=self._attempt_timeout)
        except BaseException:
            with suppress(*CONNECTION_ERRORS):
                await connection.close()  # else aio-pika's finalizer does it, at a time when no loop may run any more
            raise
        if connection.transport is not None:
            client = connection.transport.connection
            client.closing.add_done_callback(lambda _: _let_go(client.write_queue))
            if through.pulse is not None:
                through.pulse.watch(client.connection_tune.heartbeat)
        return connection


def _let_go(queue: "asyncio.Queue[Any]") -> None:
    """Aiormq leaves whoever waits for room in a dead connection's queue waiting for ever: a publish, perhaps."""
    if not queue.empty():
        while not queue.empty():
            queue.get_nowait()
        asyncio.get_running_loop().call_soon(_let_go, queue)  # for those who have been let in meanwhile
