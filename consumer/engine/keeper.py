"""Keeps one queue consumed on one connection, over fresh channels where one is lost or refused; or keeps it at rest.

May know: the port, a subscription, the wish to be quiet. May not know: other queues, reconnection, the drain.

A stop ends every wait in here, and cancels nothing that talks to the broker: it is let finish its step.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from consumer.broker.port import Connection, Lease
from consumer.core.events import Event, Observer
from consumer.engine.quiet import Quiet
from consumer.engine.stop import StopRequest
from consumer.engine.subscription import Subscription
from consumer.engine.waiting import bounded, first_of
from consumer.errors import BrokerAway, BrokerRefused

LONGEST_WAIT = 10.0
"""Seconds, at most, between two tries."""
STEADY = 60.0
"""Seconds after which a channel or a connection that is lost was a good one: the waits begin small again."""
CLOSING = 2.0
"""Seconds that clearing up after something lost may take."""
NOTICE = 0.05
"""Seconds within which a lost connection shows after its channels are lost."""


def wait_after(failures: int) -> float:
    """Seconds before the next try, after so many failures in a row."""
    return min(0.1 * 2.0**failures, LONGEST_WAIT)


class Listener(Protocol):
    """Who is told how it goes with each queue."""

    def opened(self, subscription: Subscription) -> None:
        """It is consumed."""

    def rests(self, subscription: Subscription) -> None:
        """It is not consumed: that is not wanted."""


class Keeper:
    """`keep` returns when the connection is lost or a stop is asked for; what it raises ends the connection's use."""

    def __init__(
        self,
        subscription: Subscription,
        connection: Connection,
        stop: StopRequest,
        quiet: Quiet,
        listener: Listener,
        observe: Observer,
    ) -> None:
        self._subscription = subscription
        self._connection = connection
        self._stop = stop
        self._quiet = quiet
        self._listener = listener
        self._observe = observe
        self._failures = 0
        self._failing_since: float | None = None
        self._now = asyncio.get_running_loop().time

    async def keep(self, *, prepared: bool, patience: Callable[[], float | None]) -> None:
        """Consume, but while quiet is wanted.

        `patience` is asked at each failure, for how many seconds the queue alone is tried again. None: not at all (a
        start: it must be right at once). Raises BrokerRefused or BrokerAway when it is at its end.
        """
        while await self._is_wanted():
            try:
                if not prepared:
                    await self._subscription.prepare(self._connection)
                    prepared = True
                    continue
                lease = await self._opened()
            except (BrokerAway, BrokerRefused) as error:
                why, generation = str(error), self._connection.generation
                if not await self._only_this_queue() or self._past(patience()):
                    raise
            else:
                if await self._until_it_rests(lease):
                    continue
                if not self._goes_on() or not await self._only_this_queue():
                    return
                await bounded(lease.close(), CLOSING)
                why, generation = lease.lost.result(), lease.generation
            prepared = False
            await self._again(why, generation)

    async def _is_wanted(self) -> bool:
        """Waits while quiet is wanted. False when the connection is lost or a stop asked for."""
        while self._quiet.is_wanted and self._goes_on():
            self._listener.rests(self._subscription)
            await first_of(self._quiet.over, self._connection.lost, self._stop.asked)
        return self._goes_on()

    async def _opened(self) -> Lease:
        """What comes while the broker is asked is not started once quiet is wanted."""
        asked = self._quiet.asked

        def stop_starting(_: object) -> None:
            if self._quiet.is_wanted:
                self._subscription.dispatcher.close()

        asked.add_done_callback(stop_starting)
        try:
            return await self._subscription.open(self._connection)
        finally:
            asked.remove_done_callback(stop_starting)

    async def _until_it_rests(self, lease: Lease) -> bool:
        """False when the lease or the connection is lost before, or a stop asked for: the drain takes it from there."""
        if not self._goes_on():
            return False
        if not self._quiet.is_wanted:
            self._subscription.dispatcher.open()  # it may have been wanted for a while
        self._listener.opened(self._subscription)
        opened_at = self._now()
        ends = (lease.lost, self._connection.lost, self._stop.asked)
        while not self._quiet.is_wanted and not any(end.done() for end in ends):
            await first_of(*ends, self._quiet.asked)
        if not any(end.done() for end in ends):
            await first_of(*ends, self._subscription.stop_starting())
        if not any(end.done() for end in ends):
            await self._subscription.rest()
            return True
        if self._now() - opened_at > STEADY:
            self._failures, self._failing_since = 0, None
        return False

    async def _again(self, why: str, generation: int) -> None:
        self._failures += 1
        self._failing_since = self._failing_since or self._now()
        data = {"generation": generation, "reason": why}
        self._observe(Event("channel_lost", self._subscription.queue.name, data=data))
        await first_of(self._connection.lost, self._stop.asked, self._quiet.asked, timeout=wait_after(self._failures))

    async def _only_this_queue(self) -> bool:
        """A connection that goes takes its channels first: is it only the channel?"""
        await first_of(self._connection.lost, self._stop.asked, timeout=NOTICE)
        return not self._connection.lost.done()

    def _past(self, patience: float | None) -> bool:
        if patience is None:
            return True
        return self._failing_since is not None and self._now() - self._failing_since > patience

    def _goes_on(self) -> bool:
        return not self._stop.asked.done() and not self._connection.lost.done()
