"""Gives deliveries back to their queue: by nack, or by a confirmed copy where one nack more could be one too many.

May know: the settler, the port's publisher, what is known of the queue. May not know: why something goes back.

A quorum queue with a delivery limit drops a message that came back too often, and up to RabbitMQ 4.2 every return
counts, even of what was never started (docs/delivery-limits.md). A copy begins anew, at the tail of the queue.
"""

import asyncio
from collections.abc import Iterable

from consumer.broker.port import Publisher
from consumer.core.copies import saved_copy
from consumer.core.events import Event, Observer
from consumer.core.facts import QueueFacts
from consumer.core.ledger import Entry
from consumer.engine.settler import Settler
from consumer.errors import PublishFailed


class Returning:
    """The ways back to one queue. `facts` None: nothing is known of it yet, and nothing has come from it."""

    def __init__(self, publisher: Publisher, settler: Settler, observe: Observer) -> None:
        self.facts: QueueFacts | None = None
        self._publisher = publisher
        self._settler = settler
        self._observe = observe

    def is_near_the_limit(self, entry: Entry) -> bool:
        """Half of the returns that the queue allows are used up; the other half is for what nobody can choose."""
        facts = self.facts
        if facts is None or facts.nack_is_free or facts.delivery_limit is None:
            return False
        return 2 * (entry.message.returns + 1) > facts.delivery_limit

    async def give_back(self, entry: Entry, reason: str) -> bool:
        """Nack it, or save it. False: its lease was lost, it goes back by itself."""
        if self.is_near_the_limit(entry):
            return await self._save(entry, reason)
        return self._settler.requeue(entry, reason)

    async def save(self, entries: Iterable[Entry], reason: str) -> None:
        """Give back what is near the limit, all at once. Cancelled: what is not confirmed is nacked."""
        await asyncio.gather(*(self._save(entry, reason) for entry in entries))

    async def _save(self, entry: Entry, reason: str) -> bool:
        message = entry.message
        try:
            await self._publisher.publish(saved_copy(message))
        except PublishFailed as error:
            data = {"returns": message.returns, "error": str(error)}
            self._observe(Event("saving_failed", message.queue, message.message_id, data))
            return self._settler.requeue(entry, reason)
        except asyncio.CancelledError:
            self._settler.requeue(entry, reason)
            raise
        return self._settler.ack(entry, "saved")
