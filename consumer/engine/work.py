"""What is done with one delivery, from its handler's start to its settlement.

May know: the handler, the settler, parking. May not know: who starts it, how many run beside it.
"""

import asyncio
from collections.abc import Callable

from consumer.broker.port import Publisher
from consumer.core.events import Event, Observer
from consumer.core.ledger import Entry
from consumer.core.outcome import Completed, Outcome, Parked, Returned, outcome_of
from consumer.delivery import Delivery, Draining
from consumer.engine.handler import Handler
from consumer.engine.parking import LeaseLost, set_aside
from consumer.engine.settler import Settler

ORPHANED = Returned("orphan")
CANCELLED = Returned("cancelled from outside")


class Work:
    """The life of one delivery of one handler; `run` is what the dispatcher's tasks run."""

    def __init__(
        self,
        handler: Handler,
        settler: Settler,
        publisher: Publisher,
        draining: Draining,
        observe: Observer,
        clock: Callable[[], float],
    ) -> None:
        self._handler = handler
        self._settler = settler
        self._publisher = publisher
        self._draining = draining
        self._observe = observe
        self._clock = clock

    async def run(self, entry: Entry) -> None:
        """Run the handler, then settle. Never raises: an exception of the handler's is an outcome."""
        message, began = entry.message, self._clock()
        outcome = await self._handle(entry)
        data = {"outcome": outcome.name, "seconds": round(self._clock() - began, 6)}
        self._observe(Event("finished", message.queue, message.message_id, data))
        if isinstance(outcome, Parked):
            outcome = await self._park(entry, outcome)
        self._settle(entry, outcome)

    async def _handle(self, entry: Entry) -> Outcome:
        error: BaseException | None = None
        try:
            await self._handler.call(entry.message, Delivery(entry.message, self._draining, self._publisher))
        except GeneratorExit:  # the loop is gone, and with it everything that a settlement takes
            raise
        except BaseException as caught:  # noqa: BLE001 - SystemExit from a handler must not end the worker
            error = caught
        if entry.given_up:  # whatever it returned: it was told to stop before its end
            return ORPHANED
        return CANCELLED if isinstance(error, asyncio.CancelledError) and _was_cancelled() else outcome_of(error)

    async def _park(self, entry: Entry, outcome: Parked) -> Outcome:
        """The outcome once the copy is confirmed; without a lease there is nothing to set aside."""
        try:
            await set_aside(self._publisher, entry, self._handler.queue.parking, outcome, self._observe)
        except LeaseLost:
            return Returned(outcome.reason)
        except asyncio.CancelledError:
            return ORPHANED if entry.given_up else CANCELLED
        return outcome

    def _settle(self, entry: Entry, outcome: Outcome) -> None:
        match outcome:  # an entry that the drain gave up and settled is settled already: the settler lets it be
            case Completed() | Parked():
                self._settler.ack(entry, outcome.name)
            case Returned(reason):
                self._settler.requeue(entry, reason)


def _was_cancelled() -> bool:
    """Whether somebody cancelled this task, or the handler raised a CancelledError of its own making."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
