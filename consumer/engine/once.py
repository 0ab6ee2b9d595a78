"""Effectively once: a message is run under a claim in an inbox, and completed there before it is acked.

May know: an inbox, outcomes. May not know: leases, settlements, what a handler does, which store the inbox is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from consumer.core.delivery import Message
from consumer.core.events import Event, EventName, Observer
from consumer.core.ledger import Entry
from consumer.core.outcome import COMPLETED, Again, Completed, Outcome
from consumer.inbox.owner import Claimed
from consumer.inbox.port import Claim, Inbox

T = TypeVar("T")
Attempts: TypeAlias = Callable[[Entry, Claimed | None], Awaitable[Outcome]]
HELD = "its message is being run elsewhere, or was by a worker that is gone"


class Once:
    """The inbox of one handler. Messages without a message id are run as if there were none."""

    def __init__(self, inbox: Inbox, queue: str, owner: str, observe: Observer) -> None:
        self.inbox = inbox
        self._queue = queue
        self._owner = owner
        self._observe = observe
        self._known: set[str] = set()
        self._held: dict[str, Message] = {}

    async def run(self, entry: Entry, attempts: Attempts) -> Outcome:
        """What comes of the message: of its attempts, if it may be run. Raises CancelledError before they begin."""
        message = entry.message
        if message.message_id is None:
            return await attempts(entry, None)
        key = f"{self._queue}/{message.message_id}"
        if key in self._known:  # the same owner would be granted it again
            return self._later(entry)
        self._known.add(key)
        try:
            claim = await self._claim(message, key)
            if claim is Claim.HELD:
                return self._later(entry)
            if claim is Claim.COMPLETED:
                self._tell("already_completed", message, {})
                return COMPLETED
            self._held[key] = message
            outcome = await attempts(entry, Claimed(key, self._owner))
            await self._write_down(message, key, outcome)
            return outcome
        finally:
            self._known.remove(key)
            self._held.pop(key, None)

    async def renew_for_ever(self) -> None:
        """Keep the claims of what is being run."""
        while True:
            await asyncio.sleep(self.inbox.lease / 3)
            held = dict(self._held)
            try:
                kept = await self.inbox.renew(held, self._owner) if held else set()
            except Exception as error:  # noqa: BLE001 - claims that nobody renews would end one after the other
                self._observe(Event("inbox_away", self._queue, data={"error": str(error)}))
                continue
            for key in held.keys() - kept:
                if self._held.get(key) is held[key]:  # else it has ended meanwhile, and may have begun anew
                    self._lost(key)

    def _later(self, entry: Entry) -> Outcome:
        """No attempt of ours: it keeps its count."""
        return Again(entry.attempt, self.inbox.lease / 3, HELD, by_policy=False)

    async def _claim(self, message: Message, key: str) -> Claim:
        try:
            return await self._answered(message, lambda: self.inbox.claim(key, self._owner))
        except asyncio.CancelledError:  # it may have been granted, with the answer still on its way
            await self._release(message, key)
            raise

    async def _release(self, message: Message, key: str) -> None:
        try:
            await self.inbox.release(key, self._owner)
        except Exception as error:  # noqa: BLE001 - whatever it is: the lease ends by itself
            self._tell("inbox_away", message, {"error": str(error)})

    def _lost(self, key: str) -> None:
        """Told once, by whoever finds out first."""
        message = self._held.pop(key, None)
        if message is not None:
            self._tell("claim_lost", message, {})

    async def _write_down(self, message: Message, key: str, outcome: Outcome) -> None:
        """Completed, and for good; or given up, so that whoever gets the message may claim it at once."""
        if not isinstance(outcome, Completed):
            await self._release(message, key)
            return
        try:
            held = await self._answered(message, lambda: self.inbox.complete(key, self._owner))
        except asyncio.CancelledError:  # the drain timeout: the work is done, and its ack is what is left
            held = False
        if not held:
            self._lost(key)

    async def _answered(self, message: Message, ask: Callable[[], Awaitable[T]]) -> T:
        """Asked until the store answers: without its answer nothing is run, and nothing that has been run goes back."""

        async def asked() -> T:
            return await ask()

        def tell(state: RetryCallState) -> None:
            if state.outcome is not None:
                self._tell("inbox_away", message, {"error": str(state.outcome.exception())})

        asking = AsyncRetrying(
            retry=retry_if_exception_type(Exception),  # InboxAway, or what the port does not allow
            wait=wait_exponential(multiplier=0.2, max=5) + wait_random(0, 0.2),
            before_sleep=tell,
        )
        return await asking(asked)

    def _tell(self, name: EventName, message: Message, data: dict[str, object]) -> None:
        self._observe(Event(name, message.queue, message.message_id, data))
