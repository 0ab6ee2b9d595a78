"""Pictures of a running engine, taken on any thread at any moment: while the loop is stuck, too.

May know: where each part of the engine keeps what is to be seen. May not know: who looks.

Nothing here locks or waits, and the engine does nothing for it: numbers are read one by one, and a dict is copied by
one call into C, which no other thread interrupts. So what is seen is never torn; a delivery that moves this very
moment may be seen in both places, or in neither.
"""

from collections.abc import Callable
from dataclasses import dataclass

from consumer.core.ledger import State
from consumer.core.lifecycle import Lifecycle
from consumer.core.snapshot import InFlight, QueueSnapshot, Snapshot
from consumer.core.tally import Published
from consumer.engine.background import Background
from consumer.engine.notes import Notes
from consumer.engine.quiet import Quiet
from consumer.engine.stop import StopRequest
from consumer.engine.subscription import Subscription
from consumer.engine.supervisor import Supervisor


@dataclass(slots=True, eq=False)
class Snapshots:
    """`take` one. `draining_since`: on the clock; None before the drain."""

    lifecycle: Lifecycle
    stop: StopRequest
    quiet: Quiet
    supervisor: Supervisor
    background: Background
    notes: Notes
    published: Published
    drain_timeout: float
    clock: Callable[[], float]
    draining_since: float | None = None

    def take(self) -> Snapshot:
        """The picture."""
        now, since, asked = self.clock(), self.draining_since, self.stop.asked
        connection = self.supervisor.connection
        return Snapshot(
            phase=self.lifecycle.phase,
            quiet=self.quiet.is_wanted,
            generation=0 if connection is None else connection.generation,
            address=None if connection is None or connection.lost.done() else connection.address,
            reason=asked.result() if asked.done() else None,
            draining_for=None if since is None else now - since,
            drain_timeout=self.drain_timeout,
            shielded=tuple(self.background.shielded.values()),
            queues=tuple(_queue(each, now) for each in self.supervisor.subscriptions),
            told=dict(self.notes.told),
            published=self.published.copied(),
        )


def _queue(subscription: Subscription, now: float) -> QueueSnapshot:
    dispatcher = subscription.dispatcher
    queue, handler = subscription.queue.name, dispatcher.handler
    in_flight = [
        InFlight(
            queue=queue,
            handler=handler.name,
            message_id=entry.message.message_id,
            tag=entry.tag,
            attempt=entry.attempt,
            seconds=0.0 if entry.since is None else now - entry.since,
            lease_lost=entry.state is State.STALE,
        )
        for entry in dispatcher.in_flight
    ]
    return QueueSnapshot(
        name=queue,
        handler=handler.name,
        concurrency=handler.concurrency,
        prefetch=handler.prefetch,
        consumed=subscription.consumed,
        at_risk=subscription.at_risk,
        prefetched=dispatcher.prefetched,
        in_flight=tuple(in_flight),
        tally=dispatcher.tally.copied(),
    )
