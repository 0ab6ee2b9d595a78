"""Saves messages from being returned too often: by a confirmed copy, where one nack more could be one too many.

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
from consumer.engine.copying import until_confirmed
from consumer.engine.settler import Settler


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

    async def save(self, entry: Entry) -> None:
        """Returns when the broker has confirmed the copy. Raises LeaseLost, and PublishFailed when it is permanent."""
        await until_confirmed(
            lambda: self._publisher.publish(saved_copy(entry.message)),
            lambda: entry.held,
            lambda _, error: self._tell_failed(entry, error),
        )

    async def hand_back(self, entries: Iterable[Entry], reason: str) -> None:
        """Save these, all at once; what is not confirmed, at the first try or until this is cancelled, is nacked."""
        await asyncio.gather(*(self._save_or_nack(entry, reason) for entry in entries))

    async def _save_or_nack(self, entry: Entry, reason: str) -> None:
        if not entry.held:
            return  # it goes back by itself
        try:
            await self._publisher.publish(saved_copy(entry.message))
        except asyncio.CancelledError:
            self._settler.requeue(entry, reason)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the message must not stay unsettled
            self._tell_failed(entry, str(error))
            self._settler.requeue(entry, reason)
        else:
            self._settler.ack(entry, "saved")

    def _tell_failed(self, entry: Entry, error: str) -> None:
        message = entry.message
        data = {"returns": message.returns, "error": error}
        self._observe(Event("saving_failed", message.queue, message.message_id, data))
