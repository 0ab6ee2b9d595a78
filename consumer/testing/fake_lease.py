"""A channel of the fake broker with one consumer on it: delivery tags from 1, a prefetch window, settlements.

May know: the fake's queues and gates. May not know: the connection, the engine.
"""

import asyncio
from itertools import count

from consumer.broker.port import OnDelivery, OnLost
from consumer.errors import BrokerAway
from consumer.testing.fake_queue import FakeQueue, Stored
from consumer.testing.fake_server import FakeServer

_ids = count(1)


class FakeLease:
    """See port.Lease. Deliveries arrive one turn of the loop after the broker has sent them, in order."""

    def __init__(
        self,
        server: FakeServer,
        generation: int,
        queue: FakeQueue,
        prefetch: int,
        on_delivery: OnDelivery,
        on_lost: "OnLost | None",
    ) -> None:
        self.id = next(_ids)
        self.generation = generation
        self.queue = queue
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._server = server
        self._prefetch = prefetch
        self._on_delivery = on_delivery
        self._on_lost = on_lost
        self._tags = count(1)
        self._last_tag = self._of_former_consumers = 0
        self._unacked: dict[int, Stored] = {}
        self._cancelling: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        """See fake_queue.Consumer."""
        return sum(tag > self._of_former_consumers for tag in self._unacked) < self._prefetch

    def send(self, stored: Stored) -> None:
        """See fake_queue.Consumer."""
        tag = self._last_tag = next(self._tags)
        self._unacked[tag] = stored
        asyncio.get_running_loop().call_soon(self._arrive, tag, stored)

    def ack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        self.queue.remove(self._settled(tag, multiple=multiple))

    def nack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        self.queue.put_back(self._settled(tag, multiple=multiple))

    def reject(self, tag: int) -> None:
        """See port.Lease."""
        rejected = self._settled(tag, multiple=False)
        self._server.rejected += [stored.message for stored in rejected]
        self.queue.put_back(rejected)

    async def cancel(self) -> None:
        """See port.Lease."""
        if self._cancelling is None:
            self._cancelling = asyncio.create_task(self._cancel(), name="fake basic.cancel")
        await asyncio.shield(self._cancelling)

    async def resume(self) -> None:
        """See port.Lease."""
        self._server.gates.check("consume")
        self._check_alive()
        self._cancelling = None
        self._of_former_consumers = self._last_tag  # the prefetch is each consumer's own
        self.queue.join(self)
        await self._server.gates.passing("consume", self.lost)
        self._check_alive()

    async def close(self) -> None:
        """See port.Lease."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="fake channel.close")
        await asyncio.shield(self._closing)

    def lose(self, why: str) -> None:
        """The channel is gone: what was delivered on it and not settled goes back. Idempotent."""
        if self.lost.done():
            return
        self.lost.set_result(why)
        if self._on_lost is not None:
            self._on_lost(self)
        self.queue.leave(self)
        returned, self._unacked = [*self._unacked.values()], {}
        self._server.returned_by_closing += [stored.message for stored in returned]
        self.queue.put_back(returned)

    def _check_alive(self) -> None:
        if self.lost.done():
            raise BrokerAway(f"can't consume {self.queue.name!r}: {self.lost.result()}")

    def _arrive(self, tag: int, stored: Stored) -> None:
        if not self.lost.done():
            self._on_delivery(self, tag, stored.message)

    def _settled(self, tag: int, *, multiple: bool) -> list[Stored]:
        """What a settlement covers. An unknown tag closes the channel, as on RabbitMQ."""
        if self.lost.done():
            return []
        if tag not in self._unacked:
            problem = f"406 PRECONDITION_FAILED - unknown delivery tag {tag}"
            self._server.protocol_errors.append(problem)
            self.lose(problem)
            return []
        tags = [known for known in self._unacked if known <= tag] if multiple else [tag]
        return [self._unacked.pop(known) for known in tags]

    async def _cancel(self) -> None:
        await self._server.gates.passing("cancel-ok", self.lost)
        self.queue.leave(self)
        await self._server.gates.passing("cancelled", self.lost)  # what was sent before the cancel-ok arrives before it

    async def _close(self) -> None:
        await self._server.gates.passing("close-ok", self.lost)
        self.lose("channel closed")
