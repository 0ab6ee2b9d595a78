"""The port: everything that the engine asks of a broker. A small Protocol, kept by RabbitMQ and by a fake.

May know: core's words. May not know: aio-pika, handlers, the drain, signals.
The contract that every implementation keeps is tests/contract/, run against all of them.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from consumer.core.delivery import Message, Outgoing
from consumer.core.facts import QueueFacts
from consumer.core.queue import Queue

OnDelivery: TypeAlias = "Callable[[Lease, int, Message], None]"
"""(lease, delivery tag, message): a plain call that only records and dispatches. It may come before
`consume` has returned, and until `cancel` has returned; it never comes after."""
OnLost: TypeAlias = "Callable[[Lease], None]"
"""(lease): a plain call that only records, the moment when `Lease.lost` is done. Who waits for that one hears later."""


class Lease(Protocol):
    """One channel with one consumer on it: what arrives over it can be settled over it, and nowhere else.

    `ack`, `nack` and `reject` are plain calls that put a frame in order; they never fail: when the channel is
    gone, so is the lease, and the broker delivers the message again.
    """

    @property
    def id(self) -> int:
        """Unique in this process."""

    @property
    def generation(self) -> int:
        """Which connection it belongs to, counted from 1."""

    @property
    def lost(self) -> "asyncio.Future[str]":
        """Done, with the reason, once nothing can be settled over this lease any more. Wait, don't cancel."""

    def ack(self, tag: int, *, multiple: bool) -> None:
        """basic.ack."""

    def nack(self, tag: int, *, multiple: bool) -> None:
        """basic.nack with requeue: the one way to return a message that burns no delivery limit on 4.3."""

    def reject(self, tag: int) -> None:
        """basic.reject with requeue: on 4.3 a failure, counted, and delayed by a queue with `native_delay`."""

    async def cancel(self) -> None:
        """basic.cancel; returns at cancel-ok, with every late delivery handed over. May be cancelled freely."""

    async def resume(self) -> None:
        """basic.consume again, once `cancel` has returned, with a fresh consumer tag; delivery tags go on.

        Raises BrokerAway or BrokerRefused.
        """

    async def close(self) -> None:
        """Send what is in order, then channel.close, and return at close-ok: the barrier for settlements."""


class Connection(Protocol):
    """One generation: a connection from its handshake to its end."""

    @property
    def generation(self) -> int:
        """Counted from 1 in this process."""

    @property
    def address(self) -> str:
        """Where it leads, without the password."""

    @property
    def lost(self) -> "asyncio.Future[str]":
        """Done, with the reason, once the connection is gone. Wait, don't cancel."""

    async def prepare(self, queue: Queue) -> QueueFacts:
        """Make sure that the queue, its parking queue and its bindings are there and fit for work.

        Returns what could be found out about it. Raises BrokerRefused (retrying can't help) or BrokerAway.
        """

    async def consume(
        self, queue: Queue, prefetch: int, on_delivery: OnDelivery, on_lost: "OnLost | None" = None
    ) -> Lease:
        """Open a channel and consume the queue on it, with a fresh consumer tag."""

    async def close(self) -> None:
        """Close the connection; idempotent."""


class Publisher(Protocol):
    """Publishes on a connection of its own, so that a blocked publisher never holds up an ack."""

    async def publish(self, outgoing: Outgoing) -> None:
        """Persistent, mandatory, confirmed. Raises PublishFailed when unroutable, refused or cut off."""

    async def publish_later(self, outgoing: Outgoing, seconds: float) -> None:
        """Confirmed like publish; the queue named by the routing key has it `seconds` later, or somewhat after that.

        It waits in the broker, in a queue beside that one, and loses its `expiration`. The exchange must be the
        default one. `seconds`: from 0 to LONGEST_RETRY. Raises PublishFailed; permanent when no repetition can help.
        """

    async def close(self) -> None:
        """Close its connection; idempotent."""


class Broker(Protocol):
    """Where connections come from."""

    async def connect(self) -> Connection:
        """One attempt over all addresses. Raises BrokerAway (worth retrying) or BrokerRefused (not)."""

    def publisher(self) -> Publisher:
        """A publisher that connects when it is first used."""


class Tls(NamedTuple):
    """How an amqps connection is verified. Paths to PEM files; None: the system's CAs, no client certificate."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    verify: bool = True
