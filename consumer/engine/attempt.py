"""One start of a handler on one message, to its end: called, bounded in time, and what came of it.

May know: the handler, the failure policy. May not know: leases, settlements, what is done about the outcome.
"""

import asyncio
import random
from contextlib import suppress
from time import monotonic

from consumer.broker.port import Publisher
from consumer.core.events import Event
from consumer.core.ledger import Entry, Interruption
from consumer.core.outcome import COMPLETED, Outcome, Returned, outcome_of
from consumer.core.tally import Tally
from consumer.delivery import Delivery, Draining
from consumer.engine.handler import Handler
from consumer.engine.notes import Notes
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
        notes: Notes,
        tally: Tally,
    ) -> None:
        self._handler = handler
        self._call = handler.ready()
        self._takes_delivery = handler.takes_delivery
        self._publisher = publisher
        self._draining = draining
        self._notes = notes
        self._tally = tally

    async def run(self, entry: Entry, claim: Claimed | None) -> Outcome:
        """An exception of the handler's is an outcome, whatever it is. `claim`: that of the handler's inbox."""
        entry.since = began = monotonic()
        if entry.waiting_since is not None:
            self._tally.waits.add(began - entry.waiting_since)
            entry.waiting_since = None
        failure: BaseException | None = None
        timer = None if self._handler.timeout is None else self._timer(entry, self._handler.timeout)
        entry.handling = True
        try:
            await self._call(entry.message, self._delivery(entry, claim) if self._takes_delivery else None)
        except GeneratorExit:  # the loop is gone, and with it everything that a settlement takes
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit from a handler must not end the worker
            failure = error
        finally:
            entry.handling = False
            if timer is not None:
                timer.cancel()
        task = asyncio.current_task()
        if task is not None and task.cancelling() and not entry.given_up:
            await _absorb_cancellations(task)
        is_completed = failure is None and entry.interrupted is None
        outcome = COMPLETED if is_completed else self._outcome(entry, failure)
        seconds = monotonic() - began
        if is_completed:
            self._tally.completions.add(seconds)
        else:
            self._tally.failed[outcome.name] += 1
            self._tally.failures.add(seconds)
        self._notes.finished_with(entry, outcome.name, seconds)
        return outcome

    def _delivery(self, entry: Entry, claim: Claimed | None) -> Delivery:
        return Delivery(entry.message, entry.attempt, self._draining, self._publisher, claim)

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

    def _timer(self, entry: Entry, seconds: float) -> asyncio.TimerHandle:
        task = asyncio.current_task()

        def cancel() -> None:
            if entry.interrupted is None and task is not None:
                entry.interrupted = Interruption.TIMED_OUT
                message = entry.message
                self._notes(Event("timed_out", message.queue, message.message_id, {"seconds": seconds}))
                task.cancel(Interruption.TIMED_OUT.value)

        return asyncio.get_running_loop().call_later(seconds, cancel)


async def _absorb_cancellations(task: "asyncio.Task[object]") -> None:
    """They were ours, or of the handler's own making, and are over: the task goes on, to settle what came of it."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)  # one that has not struck yet
    while task.cancelling():
        task.uncancel()
