"""One queue being consumed, over as many leases as it takes.

May know: the port, the dispatcher. May not know: when to consume or to stop.
"""

import asyncio
from contextlib import suppress
from typing import Any

from consumer.broker.port import Connection, Lease
from consumer.core.events import Event, Observer
from consumer.core.risk import Risk, risk_of
from consumer.engine.dispatcher import Dispatcher
from consumer.engine.waiting import first_of

SAVING = 2.0
"""Seconds that copies of what comes near its delivery limit get to be confirmed when the queue is left for a while."""


class Subscription:
    """Opens leases on its queue one after the other; hands back and closes the last one.

    `opened` is the supervisor's note that the queue is consumed on the present connection; it ends with the consumer.
    """

    def __init__(self, dispatcher: Dispatcher, observe: Observer) -> None:
        self.dispatcher = dispatcher
        self._observe = observe
        self._risk: Risk | None = None
        self.queue = dispatcher.handler.queue
        self.opened = False
        self._lease: Lease | None = None
        self._resting: Lease | None = None
        self._turn = asyncio.Lock()

    @property
    def consumed(self) -> bool:
        """Whether a consumer of ours is on the queue."""
        return self.opened and self._lease is not None and not self._lease.lost.done()

    @property
    def at_risk(self) -> bool:
        """Whether returns can drop its messages (`queue_at_risk` was told)."""
        return self._risk is not None

    async def prepare(self, connection: Connection) -> None:
        """Make sure of the queue, and learn what it is. Raises BrokerAway or BrokerRefused."""
        facts = await connection.prepare(self.queue)
        self.dispatcher.know(facts)
        known, self._risk = self._risk, risk_of(self.queue, facts)
        if self._risk is not None and self._risk != known:
            self._observe(Event("queue_at_risk", self.queue.name, data=self._risk._asdict()))

    async def open(self, connection: Connection) -> Lease:
        """Consume the queue: on a fresh channel, or where it rests, on that. Raises BrokerAway or BrokerRefused."""
        async with self._turn:
            self.dispatcher.open()
            resting, self._resting = self._resting, None
            if resting is not None and not resting.lost.done():
                await resting.resume()
                return resting
            handler = self.dispatcher.handler
            dispatcher = self.dispatcher
            lease = await connection.consume(self.queue, handler.prefetch, dispatcher.deliver, dispatcher.lose)
            self._lease = lease
            lease.lost.add_done_callback(lambda _: self.dispatcher.forget(lease))
            return lease

    def stop_starting(self) -> "asyncio.Future[Any]":
        """Start nothing more. Done when the queue can be left: at once, but where its order asks for what runs to end.

        That is so with a single active consumer: see `hand_back`.
        """
        self.dispatcher.close()
        running = self.dispatcher.in_flight.values() if self.queue.single_active_consumer else ()
        return asyncio.gather(*running, return_exceptions=True)

    async def rest(self) -> None:
        """Leave the queue, return what was not started, and keep the channel, over which what runs is settled.

        With a single active consumer the channel is closed, for its order's sake. `open` takes the queue up again.
        """
        async with self._turn:
            lease = self._lease
            if lease is None:
                return
            if self.queue.single_active_consumer:
                self.dispatcher.flush()
                await lease.close()
                await first_of(lease.lost)
                return
            await lease.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(SAVING):
                    await self.dispatcher.hand_back("quiet")
            self._resting = lease

    async def hand_back(self) -> None:
        """Cancel the consumer; at cancel-ok return what was not started.

        On a queue with a single active consumer nothing happens here: its order is kept by finishing what runs
        and closing the channel then (prefetch is 1, so nothing else waits).
        """
        async with self._turn:
            if self.queue.single_active_consumer:
                return  # a cancel would make another consumer the active one while ours still runs
            if self._lease is not None:
                await self._lease.cancel()
                self.opened = False
            await self.dispatcher.hand_back("drain")

    def return_leftovers(self) -> None:
        """Return what is still unstarted, if the cancel was not confirmed in time; closing returns the rest."""
        if not self.queue.single_active_consumer:  # there, the broker would send it right back to us
            self.dispatcher.return_leftovers()

    async def close(self) -> None:
        """Close the lease behind everything that was settled on it."""
        async with self._turn:
            if self._lease is not None:
                await self._lease.close()
