"""Keeps the worker consuming: connects, prepares, consumes, and does it again when a connection is lost.

May know: the port, reconnection, subscriptions, the wish to be quiet. May not know: handlers, the drain, signals.

A stop ends every wait in here, and cancels nothing that talks to the broker: it is let finish its step.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from consumer.broker import reconnect
from consumer.broker.port import Broker, Connection
from consumer.core.events import Event, Observer
from consumer.core.lifecycle import Happening, Lifecycle
from consumer.engine.keeper import CLOSING, STEADY, Keeper, wait_after
from consumer.engine.quiet import Quiet
from consumer.engine.stop import StopRequest
from consumer.engine.subscription import Subscription
from consumer.engine.waiting import bounded, first_of
from consumer.errors import BrokerAway, BrokerRefused


class Patience(NamedTuple):
    """How long to try, in seconds: for the first connection, and for one that was lost (None: for ever)."""

    connect: float
    reconnect: float | None


class Supervisor:
    """`run` returns when a stop is asked for, and raises when the broker refuses or is away for good."""

    def __init__(
        self,
        broker: Broker,
        subscriptions: Sequence[Subscription],
        patience: Patience,
        stop: StopRequest,
        quiet: Quiet,
        lifecycle: Lifecycle,
        observe: Observer,
    ) -> None:
        self.subscriptions = subscriptions
        self._broker = broker
        self._patience = patience
        self._stop = stop
        self._quiet = quiet
        self._resting: dict[Subscription, asyncio.Future[str]] = {}
        """By which wish each rests."""
        self._told_of: asyncio.Future[str] | None = None
        self._lifecycle = lifecycle
        self._observe = observe
        self._connection: Connection | None = None
        self._failures = 0
        self._has_been_up = False
        self._lost_at: float | None = None
        self._steady_since: float | None = None
        self._now = asyncio.get_running_loop().time

    @property
    def connection(self) -> Connection | None:
        """The present connection, or the last one; None before the first."""
        return self._connection

    async def run(self) -> None:
        """Consume until a stop is asked for. Raises BrokerRefused or BrokerAway."""
        while not self._stop.asked.done():
            connection = await self._connect()
            if connection is None:
                return
            try:
                await self._consume_all(connection)
            except (BrokerAway, BrokerRefused) as error:
                if self._past_hope(error, connection):
                    raise
                await self._lost(connection, str(error))
            else:
                if not self._stop.asked.done():
                    await self._lost(connection, connection.lost.result())

    def _past_hope(self, error: BrokerAway | BrokerRefused, connection: Connection) -> bool:
        """Before the first success a refusal is final. After it, it may pass (a broker that restarts), for a while."""
        if isinstance(error, BrokerRefused) and not self._has_been_up:
            return True
        if self._has_been_up and not connection.lost.done():
            return True  # the patience with one queue is over: the others' handlers finish and are acked over this one
        patience = self._patience.reconnect if self._has_been_up else self._patience.connect
        return patience is not None and self._lost_at is not None and self._now() - self._lost_at > patience

    async def close(self) -> None:
        """Close the connection; what was settled must have been flushed before."""
        if self._connection is not None:
            await self._connection.close()

    async def _connect(self) -> Connection | None:
        """A connection, or None when a stop is asked for first."""
        first = not self._has_been_up
        timeout = self._patience.connect if first else self._patience.reconnect
        connecting = asyncio.create_task(
            reconnect.connect(self._broker, timeout=timeout, retry_refusals=not first, report=self._tell_attempt)
        )
        await first_of(connecting, self._stop.asked)
        if not connecting.done():
            connecting.cancel()
            await asyncio.wait({connecting}, timeout=0.5)
            if not connecting.done() or connecting.cancelled() or connecting.exception() is not None:
                return None
        self._connection = connection = connecting.result()
        data = {"generation": connection.generation, "address": connection.address}
        self._observe(Event("connected", data=data))
        return connection

    async def _consume_all(self, connection: Connection) -> None:
        """Until the connection is lost or a stop is asked for. At the start, not before all queues are fit for it."""
        starting = not self._has_been_up
        for subscription in self.subscriptions if starting else ():
            if self._stop.asked.done():
                return
            await subscription.prepare(connection)
        keepers = [
            asyncio.create_task(
                Keeper(each, connection, self._stop, self._quiet, self, self._observe).keep(
                    prepared=starting, patience=self._patience_with_a_queue
                )
            )
            for each in self.subscriptions
        ]
        try:
            await asyncio.gather(*keepers)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.wait(keepers)

    def _patience_with_a_queue(self) -> float | None:
        """Seconds; None before the worker has consumed at all: then a refusal is told at once."""
        if not self._has_been_up:
            return None
        return float("inf") if self._patience.reconnect is None else self._patience.reconnect

    def rests(self, subscription: Subscription) -> None:
        """See Listener. Once no queue is consumed, the worker is quiet."""
        subscription.opened = False
        self._resting[subscription] = asked = self._quiet.asked
        if self._told_of is not asked and all(self._resting.get(each) is asked for each in self.subscriptions):
            self._told_of, self._has_been_up = asked, True
            self._lifecycle.move(Happening.QUIETED)
            self._lost_at, self._steady_since = None, self._now()
            in_flight = sum(len(each.dispatcher.in_flight) for each in self.subscriptions)
            self._observe(Event("quieted", data={"reason": asked.result(), "in_flight": in_flight}))

    def opened(self, subscription: Subscription) -> None:
        """See Listener. Once all queues are consumed, the worker is ready."""
        subscription.opened = True
        self._resting.pop(subscription, None)
        if all(each.opened for each in self.subscriptions):
            self._lifecycle.move(Happening.CONSUMED)
            self._has_been_up, self._lost_at = True, None
            self._steady_since = self._now()
            self._observe(Event("consuming", data={"queues": [each.queue.name for each in self.subscriptions]}))

    async def _lost(self, connection: Connection, why: str) -> None:
        """Note it, and wait a little when connections come up but do not last."""
        self._lifecycle.move(Happening.LOST)
        self._lost_at = self._lost_at or self._now()
        data = {"generation": connection.generation, "reason": why}
        self._observe(Event("connection_lost", data=data))
        self._resting.clear()
        self._told_of = None
        for subscription in self.subscriptions:
            subscription.opened = False
        await bounded(connection.close(), CLOSING)
        if self._steady_since is not None and self._now() - self._steady_since > STEADY:
            self._failures = 0
        self._failures += 1
        if self._failures > 1:
            await first_of(self._stop.asked, timeout=wait_after(self._failures))

    def _tell_attempt(self, attempt: int, error: str, wait: float) -> None:
        self._observe(Event("connecting", data={"attempt": attempt, "error": error, "wait": round(wait, 3)}))
