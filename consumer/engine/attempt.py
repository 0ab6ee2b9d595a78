"""One start of a handler on one message, to its end: called, bounded in time, and what came of it.

May know: the handler, the failure policy. May not know: leases, settlements, what is done about the outcome.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from consumer.broker.port import Publisher
from consumer.core.events import Event, EventName, Observer
from consumer.core.ledger import Entry, Interruption
from consumer.core.outcome import Outcome, Returned, outcome_of
from consumer.delivery import Delivery, Draining
from consumer.engine.handler import Handler
from consumer.errors import HandlerTimeout
from consumer.inbox.owner import Claimed

ORPHANED = Returned("orphan")
CANCELLED = Returned("cancelled from outside")
LEASE_LOST = Returned("lease lost")


class Attempt:
    """Runs the handler once for an entry; `run` never raises but when the loop is gone."""

    def __init__(
        self,
        handler: Handler,
        publisher: Publisher,
        draining: Draining,
        observe: Observer,
        clock: Callable[[], float],
    ) -> None:
        self._handler = handler
        self._publisher = publisher
        self._draining = draining
        self._observe = observe
        self._clock = clock

    async def run(self, entry: Entry, claim: Claimed | None) -> Outcome:
        """An exception of the handler's is an outcome, whatever it is. `claim`: that of the handler's inbox."""
        began = self._clock()
        error = await self._call(entry, claim)
        if not entry.given_up:
            await _absorb_cancellations()
        outcome = self._outcome(entry, error)
        data = {"outcome": outcome.name, "seconds": round(self._clock() - began, 6)}
        self._tell("finished", entry, data)
        return outcome

    async def _call(self, entry: Entry, claim: Claimed | None) -> BaseException | None:
        timer = self._timer(entry)
        entry.handling = True
        try:
            delivery = Delivery(entry.message, entry.attempt, self._draining, self._publisher, claim)
            await self._handler.call(entry.message, delivery)
        except GeneratorExit:  # the loop is gone, and with it everything that a settlement takes
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit from a handler must not end the worker
            return error
        finally:
            entry.handling = False
            if timer is not None:
                timer.cancel()
        return None

    def _outcome(self, entry: Entry, error: BaseException | None) -> Outcome:
        policy, chance = self._handler.retry, random.random()  # noqa: S311 - jitter, no secret
        match entry.interrupted:  # whatever it returned: it was told to stop before its end
            case Interruption.GIVEN_UP:
                return ORPHANED
            case Interruption.LEASE_LOST:
                entry.interrupted = None
                return LEASE_LOST
            case Interruption.TIMED_OUT:
                entry.interrupted = None
                late = HandlerTimeout(f"it ran longer than its timeout of {self._handler.timeout:g} s")
                return outcome_of(late, policy, entry.attempt, chance)
        return outcome_of(error, policy, entry.attempt, chance)

    def _timer(self, entry: Entry) -> asyncio.TimerHandle | None:
        seconds, task = self._handler.timeout, asyncio.current_task()
        if seconds is None or task is None:
            return None

        def cancel() -> None:
            if entry.interrupted is None:
                entry.interrupted = Interruption.TIMED_OUT
                self._tell("timed_out", entry, {"seconds": seconds})
                task.cancel(Interruption.TIMED_OUT.value)

        return asyncio.get_running_loop().call_later(seconds, cancel)

    def _tell(self, name: EventName, entry: Entry, data: dict[str, object]) -> None:
        self._observe(Event(name, entry.message.queue, entry.message.message_id, data))


async def _absorb_cancellations() -> None:
    """They were ours, or of the handler's own making, and are over: the task goes on, to settle what came of it."""
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        return
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)  # one that has not struck yet
    while task.cancelling():
        task.uncancel()
