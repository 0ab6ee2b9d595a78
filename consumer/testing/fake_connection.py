"""A connection to the fake broker, and a publisher on a connection of its own.

May know: the fake's server and leases. May not know: reconnection, the engine.
"""

import asyncio

from consumer.broker.port import OnDelivery, OnLost
from consumer.core.delays import delay_of
from consumer.core.delivery import Outgoing
from consumer.core.facts import QueueFacts
from consumer.core.queue import Queue
from consumer.errors import BrokerAway
from consumer.testing.fake_lease import FakeLease
from consumer.testing.fake_server import FakeServer


class FakeConnection:
    """See port.Connection."""

    def __init__(self, server: FakeServer, generation: int) -> None:
        self.generation = generation
        self.address = "amqp://fake/"
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.leases: list[FakeLease] = []
        self._server = server

    async def prepare(self, queue: Queue) -> QueueFacts:
        """See port.Connection."""
        await self._server.gates.passing("prepare", self.lost)
        self._server.gates.check("prepare")
        self._check_alive()
        return self._server.prepare(queue)

    async def consume(
        self, queue: Queue, prefetch: int, on_delivery: OnDelivery, on_lost: "OnLost | None" = None
    ) -> FakeLease:
        """See port.Connection."""
        self._server.gates.check("consume")
        self._check_alive()
        found = self._server.queues.get(queue.name)
        if found is None:
            raise BrokerAway(f"{self.address}: can't consume {queue.name!r}: 404 NOT_FOUND")
        lease = FakeLease(self._server, self.generation, found, prefetch, on_delivery, on_lost)
        self.leases.append(lease)
        found.join(lease)
        try:
            await self._server.gates.passing("consume", self.lost)
        except asyncio.CancelledError:
            lease.lose("cancelled while consuming")
            raise
        self._check_alive()
        return lease

    async def close(self) -> None:
        """See port.Connection."""
        await asyncio.sleep(0)
        self.lose("closed")

    def lose(self, why: str) -> None:
        """The connection is gone, its channels first. Idempotent."""
        for lease in self.leases:
            lease.lose(why)
        if not self.lost.done():
            self.lost.set_result(why)

    def _check_alive(self) -> None:
        if self.lost.done():
            raise BrokerAway(f"{self.address}: {self.lost.result()}")


class FakePublisher:
    """See port.Publisher."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def publish(self, outgoing: Outgoing) -> None:
        """See port.Publisher."""
        await asyncio.sleep(0)
        self._server.gates.check("confirm")
        self._server.publish(outgoing)
        await self._server.gates.passing("confirm")

    async def publish_later(self, outgoing: Outgoing, seconds: float) -> None:
        """See port.Publisher. It stays aside until FakeBroker.release."""
        delay_of(outgoing, seconds)  # refused as RabbitMQ's publisher refuses it
        await asyncio.sleep(0)
        self._server.gates.check("confirm")
        self._server.put_aside(outgoing, seconds)
        await self._server.gates.passing("confirm")

    async def close(self) -> None:
        """See port.Publisher."""
        await asyncio.sleep(0)
