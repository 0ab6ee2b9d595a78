"""Keeps one queue consumed on one connection, over fresh channels where one is lost or refused.

May know: the port, a subscription. May not know: other queues, reconnection, the drain.

A stop ends every wait in here, and cancels nothing that talks to the broker: it is let finish its step.
"""

import asyncio
from collections.abc import Callable

from consumer.broker.port import Connection, Lease
from consumer.core.events import Event, Observer
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


class Keeper:
    """`keep` returns when the connection is lost or a stop is asked for; what it raises ends the connection's use.

    `patience` None: the first failure is raised (a start: it must be right at once). Else the queue alone is tried
    again, for so many seconds.
    """

    def __init__(
        self,
        subscription: Subscription,
        connection: Connection,
        stop: StopRequest,
        on_open: Callable[[Subscription], None],
        observe: Observer,
    ) -> None:
        self._subscription = subscription
        self._connection = connection
        self._stop = stop
        self._on_open = on_open
        self._observe = observe
        self._failures = 0
        self._failing_since: float | None = None
        self._now = asyncio.get_running_loop().time

    async def keep(self, *, prepared: bool, patience: Callable[[], float | None]) -> None:
        """Consume. `patience` is asked at each failure. Raises BrokerRefused or BrokerAway when it is at its end."""
        while self._goes_on():
            try:
                if not prepared:
                    await self._subscription.prepare(self._connection)
                if not self._goes_on():
                    return
                lease = await self._subscription.open(self._connection)
            except (BrokerAway, BrokerRefused) as error:
                why, generation = str(error), self._connection.generation
                if not await self._only_this_queue() or self._past(patience()):
                    raise
            else:
                if not await self._lives_and_dies(lease):
                    return
                why, generation = lease.lost.result(), lease.generation
            prepared = False
            await self._again(why, generation)

    async def _lives_and_dies(self, lease: Lease) -> bool:
        """False when the connection was lost or a stop asked for; True when the lease alone was lost."""
        if self._stop.asked.done():
            return False  # the drain takes it from here
        self._on_open(self._subscription)
        opened_at = self._now()
        await first_of(lease.lost, self._connection.lost, self._stop.asked)
        if not lease.lost.done() or not await self._only_this_queue():
            return False
        if self._now() - opened_at > STEADY:
            self._failures, self._failing_since = 0, None
        await bounded(lease.close(), CLOSING)
        return True

    async def _again(self, why: str, generation: int) -> None:
        self._failures += 1
        self._failing_since = self._failing_since or self._now()
        data = {"generation": generation, "reason": why}
        self._observe(Event("channel_lost", self._subscription.queue.name, data=data))
        await first_of(self._connection.lost, self._stop.asked, timeout=wait_after(self._failures))

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
