"""The settler: the only caller of ack, nack and reject. Each delivery once, and only on the lease it came from.

May know: the ledger, leases. May not know: handlers, why a delivery ended as it did.

Settlements are collected while turn after turn of the loop brings more, and go out together, as few frames as are safe:
a frame costs the broker as much as us.
"""

import asyncio
from dataclasses import dataclass, field

from consumer.broker.port import Lease
from consumer.core.delivery import Message
from consumer.core.events import Event, EventName
from consumer.core.ledger import OPEN, Entry, Ledger, State
from consumer.core.watermark import ACK, NACK, REJECT, Verb, coalesced
from consumer.engine.notes import Notes

PATIENCE = 0.005
"""Seconds that a settlement waits at most for others (and for the turn of the loop in which they have passed)."""
MOST = 3
"""How many settlements for each delivery that is still open here are not worth waiting with: it is new ones that will
bring more then, and the broker sends them when it hears of these."""
ENOUGH = 256
"""Settlements with which a frame has become cheap. A lost connection takes these with it; `Runs` remembers more."""


@dataclass(slots=True, eq=False)
class _Channel:
    lease: Lease
    settled: dict[int, Verb] = field(default_factory=dict)


class Settler:
    """Enters deliveries into the ledger and takes them out of it again, with the frame that this takes."""

    def __init__(self, ledger: Ledger, notes: Notes) -> None:
        self._ledger = ledger
        self._notes = notes
        self.start = ledger.start
        """It is in flight from now on: its handler is about to run, or what came of that is about to be settled."""
        self._channels: dict[int, _Channel] = {}
        self._loop = asyncio.get_running_loop()
        self._flush_is_due = False
        self._collected = 0
        self._due_at = 0.0

    def receive(self, lease: Lease, tag: int, message: Message) -> Entry:
        """A delivery arrived."""
        if lease.id not in self._channels:
            self._channels[lease.id] = _Channel(lease)
        return self._ledger.receive(lease.id, tag, message)

    def let_go(self, entry: Entry) -> None:
        """Its run is over, and its lease was lost: nobody waits for an answer."""
        if entry.state is State.STALE:
            self._ledger.requeue(entry)

    def ack(self, entry: Entry, outcome: str) -> bool:
        """It is done. False: its lease was lost, the broker will deliver it again."""
        if entry.state not in OPEN or not self._ledger.ack(entry):
            return False
        self._send(entry, ACK)
        self._notes.settled(entry, outcome)
        return True

    def requeue(self, entry: Entry, reason: str) -> bool:
        """It goes back to its queue. False: its lease was lost, it goes back by itself."""
        return self._return(entry, NACK, reason)

    def reject(self, entry: Entry, reason: str) -> bool:
        """It goes back as failed, to a queue that delays and counts that. False: its lease was lost."""
        return self._return(entry, REJECT, reason)

    def lose(self, lease: Lease) -> None:
        """Nothing can be settled over this lease any more."""
        self._channels.pop(lease.id, None)
        for entry in self._ledger.lose(lease.id):
            self._tell("lease_lost", entry, {"state": "in_flight" if entry.state is State.STALE else "prefetched"})

    def flush(self) -> None:
        """Put every settlement made so far in order on its lease."""
        self._flush_is_due = False
        for lease, channel in tuple(self._channels.items()):  # one may be lost by what it is told
            for frame in coalesced(channel.settled, self._ledger.lowest(lease)):
                match frame.verb:
                    case Verb.ACK:
                        channel.lease.ack(frame.tag, multiple=frame.multiple)
                    case Verb.NACK:
                        channel.lease.nack(frame.tag, multiple=frame.multiple)
                    case Verb.REJECT:
                        channel.lease.reject(frame.tag)
            channel.settled.clear()

    def _return(self, entry: Entry, verb: Verb, reason: str) -> bool:
        if entry.state not in OPEN or not self._ledger.requeue(entry):
            return False
        self._send(entry, verb)
        self._tell("requeued", entry, {"reason": reason})
        return True

    def _send(self, entry: Entry, verb: Verb) -> None:
        self._channels[entry.lease].settled[entry.tag] = verb
        if not self._flush_is_due:
            self._flush_is_due = True
            self._collected = 0
            self._due_at = self._loop.time() + PATIENCE
            self._loop.call_soon(self._flush_or_wait)

    def _flush_or_wait(self) -> None:
        """Wait for one more turn of the loop if the last one has brought settlements, and more are in sight."""
        before, self._collected = self._collected, sum(len(each.settled) for each in self._channels.values())
        if not before < self._collected < min(ENOUGH, MOST * self._ledger.size) or self._loop.time() >= self._due_at:
            self.flush()
        else:
            self._loop.call_soon(self._flush_or_wait)

    def _tell(self, name: EventName, entry: Entry, data: dict[str, object]) -> None:
        message = entry.message
        self._notes(Event(name, message.queue, message.message_id, data))
