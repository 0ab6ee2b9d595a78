"""What is done with one delivery, from its handler's start to its settlement.

May know: attempts, runs, what publishes copies, the settler. May not know: who starts it, how many run beside it.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from tenacity import AsyncRetrying, retry_if_result

from consumer.core.events import Event, Observer
from consumer.core.ledger import Entry
from consumer.core.outcome import Again, Copied, Outcome, Parked, Returned
from consumer.core.poison import poison
from consumer.core.retry import RetryPolicy
from consumer.delivery import Draining
from consumer.engine.attempt import CANCELLED, ORPHANED, Attempt
from consumer.engine.copying import LeaseLost
from consumer.engine.once import Once
from consumer.engine.parking import Parking
from consumer.engine.putting_off import PuttingOff
from consumer.engine.returning import Returning
from consumer.engine.runs import Runs
from consumer.engine.settler import Settler
from consumer.errors import PublishFailed
from consumer.inbox.owner import Claimed


@dataclass(frozen=True, slots=True)
class Work:
    """The life of one delivery of one handler; `run` is what the dispatcher's tasks run."""

    policy: RetryPolicy
    attempt: Attempt
    once: Once | None
    runs: Runs
    settler: Settler
    parking: Parking
    putting_off: PuttingOff
    returning: Returning
    draining: Draining
    observe: Observer

    async def run(self, entry: Entry) -> None:
        """Run the handler, if it may be run, and settle what came of it. Never raises."""
        reason = poison(entry.message, self.returning.facts)
        try:
            if reason is not None:
                outcome: Outcome = Parked(reason)
            elif self.once is None:
                outcome = await self._attempts(entry, None)
            else:
                outcome = await self.once.run(entry, self._attempts)
        except asyncio.CancelledError:  # while it waited for something else than the handler
            outcome = ORPHANED if entry.given_up else CANCELLED
        await self.conclude(entry, outcome)

    async def conclude(self, entry: Entry, outcome: Outcome) -> None:
        """Settle what came of it, over whichever delivery of the message is still ours. Never raises."""
        while (holder := self.runs.holder(entry)) is not None:
            try:
                outcome = await self._secured(holder, outcome, entry.attempt)
                if await self._answered(holder, outcome):
                    break
            except LeaseLost:
                continue  # a redelivery may have joined, and can be settled
            except asyncio.CancelledError:  # while a copy was being published
                outcome = ORPHANED if entry.given_up else CANCELLED
        self.runs.ended(entry, outcome, holder)
        self.settler.let_go(entry)

    async def _attempts(self, entry: Entry, claim: Claimed | None) -> Outcome:
        """Those that are made here. Never raises: what the policy's short waits end with is an outcome too."""
        outcome = await self.attempt.run(entry, claim)
        try:
            return await self._further_attempts(entry, claim, outcome) if self._is_for_here(outcome) else outcome
        except asyncio.CancelledError:
            return ORPHANED if entry.given_up else CANCELLED

    async def _further_attempts(self, entry: Entry, claim: Claimed | None, outcome: Outcome) -> Outcome:
        """The short waits of the policy are waited here; the drain ends them."""
        attempts = AsyncRetrying(
            retry=retry_if_result(self._is_for_here),
            wait=lambda _: _seconds(outcome),
            before_sleep=lambda _: self._tell_retry(entry, outcome),
            sleep=self._wait_unless_draining,
        )
        async for again in attempts:
            if again.retry_state.attempt_number > 1 and not self.draining:
                entry.more_attempts += 1
                outcome = await self.attempt.run(entry, claim)
            again.retry_state.set_result(outcome)
        return outcome

    def _is_for_here(self, outcome: Outcome) -> bool:
        return isinstance(outcome, Again) and self._is_short(outcome) and not self.draining

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
                await self.parking.park(holder.message, outcome, attempt, lambda: self.settler.holds(holder))
                return Copied(outcome.name)
            case Again() if not self._is_delayed_by_the_queue(holder, outcome):
                try:
                    await self._put_off(holder, outcome)
                except PublishFailed as error:
                    why = f"{outcome.reason}; it can't be tried again later: {error}"
                    return await self._secured(holder, Parked(why), attempt)
                return Copied(outcome.name)
        return outcome

    async def _answered(self, holder: Entry, outcome: Outcome) -> bool:
        """Whether it could be told: else the lease was lost this very moment."""
        match outcome:
            case Again():
                return self.settler.reject(holder, outcome.name)
            case Returned(reason):
                return await self.returning.give_back(holder, reason)
        return self.settler.ack(holder, outcome.name)

    def _is_delayed_by_the_queue(self, holder: Entry, outcome: Again) -> bool:
        """Its own delay takes the place of the policy's, and the broker counts; not where that ends at a limit."""
        facts = self.returning.facts
        if facts is None or not facts.native_delay or not outcome.by_policy or self._is_short(outcome):
            return False
        return facts.delivery_limit is None or holder.message.returns + 1 < facts.delivery_limit

    async def _put_off(self, holder: Entry, outcome: Again) -> None:
        if self._is_short(outcome) and self.draining:
            outcome = replace(outcome, seconds=0.0)  # the drain waits for nobody: another worker may have it now
        await self.putting_off.put_off(holder.message, outcome, lambda: self.settler.holds(holder))

    def _tell_retry(self, entry: Entry, outcome: Outcome) -> None:
        if isinstance(outcome, Again):
            message = entry.message
            data = {"attempt": outcome.attempt, "seconds": round(outcome.seconds, 3), "reason": outcome.reason}
            self.observe(Event("retrying", message.queue, message.message_id, data))


def _seconds(outcome: Outcome) -> float:
    return outcome.seconds if isinstance(outcome, Again) else 0.0
