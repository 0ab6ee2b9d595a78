"""What is done with one delivery, from its handler's start to its settlement.

May know: attempts, runs, what publishes copies, the settler. May not know: who starts it, how many run beside it.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.core.events import Event
from consumer.core.ledger import UNSETTLED, Entry
from consumer.core.outcome import COMPLETED, Again, Copied, Outcome, Parked, Returned
from consumer.core.poison import poison
from consumer.core.retry import RetryPolicy
from consumer.delivery import Draining
from consumer.engine.attempt import CANCELLED, LEASE_LOST, ORPHANED, Attempt
from consumer.engine.copying import LeaseLost
from consumer.engine.notes import Notes
from consumer.engine.parking import Parking
from consumer.engine.putting_off import PuttingOff
from consumer.engine.returning import Returning
from consumer.engine.runs import Runs
from consumer.engine.settler import Settler
from consumer.errors import PublishFailed
from consumer.inbox.owner import Claimed

if TYPE_CHECKING:
    from consumer.engine.once import Once


@dataclass(slots=True, eq=False)
class Work:
    """The life of one delivery of one handler; `run` is what the dispatcher's tasks run."""

    policy: RetryPolicy
    attempt: Attempt
    once: "Once | None"
    runs: Runs
    settler: Settler
    parking: Parking
    putting_off: PuttingOff
    returning: Returning
    draining: Draining
    notes: Notes

    async def run(self, entry: Entry) -> None:
        """Run the handler, if it may be run, and settle what came of it. Never raises."""
        try:
            if entry.state not in UNSETTLED:  # lost since it was given its slot: it will be delivered again
                outcome: Outcome = LEASE_LOST
            elif (reason := poison(entry.message, self.returning.facts, self.policy)) is not None:
                outcome = Parked(reason)
            elif self.once is None:
                self.notes.started(entry)
                outcome = await self.attempt.run(entry, None)
                if outcome is not COMPLETED:
                    outcome = await self._after(entry, None, outcome)
            else:
                self.notes.started(entry)
                outcome = await self.once.run(entry, self._attempts)
        except asyncio.CancelledError:  # while it waited for something else than the handler
            outcome = _cut_short(entry)
        if outcome is COMPLETED and self.settler.ack(entry, outcome.name):
            self.runs.acked(entry)  # what nearly all come to, in as few steps as can be
        else:
            await self.conclude(entry, outcome)

    async def conclude(self, entry: Entry, outcome: Outcome) -> None:
        """Settle what came of it, over whichever delivery of the message is still ours. Never raises."""
        while (holder := self.runs.holder(entry)) is not None:
            try:
                outcome = await self._secured(holder, outcome, entry.attempt)
            except LeaseLost:
                continue  # a redelivery may have joined, and can be settled
            except asyncio.CancelledError:  # while a copy was being published: no other one is begun
                outcome = _cut_short(entry)
            if self._answered(holder, outcome):
                break
        self._end(entry, outcome, holder)

    def drop(self, entry: Entry) -> None:
        """Its task ended before anything could be concluded: whichever delivery of it is still ours goes back."""
        outcome = _cut_short(entry)
        if (holder := self.runs.holder(entry)) is not None:
            self._answered(holder, outcome)
        self._end(entry, outcome, holder)

    def _end(self, entry: Entry, outcome: Outcome, settled_on: Entry | None) -> None:
        self.runs.ended(entry, outcome, settled_on)
        self.settler.let_go(entry)

    async def _attempts(self, entry: Entry, claim: Claimed | None) -> Outcome:
        """Those that are made here. Never raises: what the policy's short waits end with is an outcome too."""
        return await self._after(entry, claim, await self.attempt.run(entry, claim))

    async def _after(self, entry: Entry, claim: Claimed | None, outcome: Outcome) -> Outcome:
        try:
            return await self._further_attempts(entry, claim, outcome) if self._is_for_here(entry, outcome) else outcome
        except asyncio.CancelledError:
            return _cut_short(entry)

    async def _further_attempts(self, entry: Entry, claim: Claimed | None, outcome: Outcome) -> Outcome:
        """The short waits of the policy are waited here; the drain ends them."""
        from tenacity import AsyncRetrying, retry_if_result  # noqa: PLC0415 - most workers never need it

        attempts = AsyncRetrying(
            retry=retry_if_result(lambda outcome: self._is_for_here(entry, outcome)),
            wait=lambda _: _seconds(outcome),
            before_sleep=lambda _: self._tell_retry(entry, outcome),
            sleep=self._wait_unless_draining,
        )
        async for again in attempts:
            if again.retry_state.attempt_number > 1 and self._is_for_here(entry, outcome):
                entry.more_attempts += 1
                outcome = await self.attempt.run(entry, claim)
            again.retry_state.set_result(outcome)
        return outcome

    def _is_for_here(self, entry: Entry, outcome: Outcome) -> bool:
        """A short wait, and a message that is not on its way to somebody else: its lease stands, or it came back."""
        is_short = isinstance(outcome, Again) and self._is_short(outcome)
        return is_short and not self.draining and self.runs.holder(entry) is not None

    def _is_short(self, outcome: Again) -> bool:
        return outcome.seconds <= self.policy.in_place

    async def _wait_unless_draining(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.draining

    async def _secured(self, holder: Entry, outcome: Outcome, attempt: int) -> Outcome:
        """What is left to be told to the broker, once a copy that is needed is confirmed. Raises LeaseLost."""
        match outcome:
            case Parked():
                await self.parking.park(holder.message, outcome, attempt, lambda: holder.held)
                return Copied(outcome.name)
            case Again() if not self._is_delayed_by_the_queue(holder, outcome):
                copying, name = self._put_off(holder, outcome), outcome.name
            case Returned() if self.returning.is_near_the_limit(holder):
                copying, name = self.returning.save(holder), "saved"
            case _:
                return outcome
        try:
            await copying
        except PublishFailed as error:
            why = f"{outcome.reason}; it can't be tried again later: {error}"
            return await self._secured(holder, Parked(why), attempt)
        return Copied(name)

    def _answered(self, holder: Entry, outcome: Outcome) -> bool:
        """Whether it could be told: else the lease was lost this very moment."""
        match outcome:
            case Again():
                return self.settler.reject(holder, outcome.name)
            case Returned(reason):
                return self.settler.requeue(holder, reason)
        return self.settler.ack(holder, outcome.name)

    def _is_delayed_by_the_queue(self, holder: Entry, outcome: Again) -> bool:
        """Its own delay takes the place of the policy's, where its count will be ours, and stays below its limit."""
        facts, message = self.returning.facts, holder.message
        if facts is None or not facts.native_delay or not outcome.by_policy or self._is_short(outcome):
            return False
        if message.attempt + message.returns + 1 != outcome.attempt:  # attempts in place, or a lost lease, came between
            return False
        return facts.delivery_limit is None or message.returns + 1 < facts.delivery_limit

    async def _put_off(self, holder: Entry, outcome: Again) -> None:
        if self._is_short(outcome) and self.draining:
            outcome = replace(outcome, seconds=0.0)  # the drain waits for nobody: another worker may have it now
        await self.putting_off.put_off(holder.message, outcome, lambda: holder.held)

    def _tell_retry(self, entry: Entry, outcome: Outcome) -> None:
        if isinstance(outcome, Again):
            message = entry.message
            data = {"attempt": outcome.attempt, "seconds": round(outcome.seconds, 3), "reason": outcome.reason}
            self.notes(Event("retrying", message.queue, message.message_id, data))


def _cut_short(entry: Entry) -> Returned:
    return ORPHANED if entry.given_up else CANCELLED


def _seconds(outcome: Outcome) -> float:
    return outcome.seconds if isinstance(outcome, Again) else 0.0
