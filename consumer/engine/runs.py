"""The runs of one handler that outlive their lease: a redelivery of their message joins them, and starts no other.

May know: the ledger's entries, outcomes. May not know: tasks, how anything is settled or published.

RabbitMQ delivers again whatever was unacked on a channel that is gone, while its handler may still be running here,
or have ended with its ack lost on the way.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable

from consumer.core.delivery import Identity
from consumer.core.ledger import Entry
from consumer.core.outcome import COMPLETED, Again, Outcome, Returned

MEMORY = 4096
"""How many outcomes are remembered, and how many acks before the loss of a lease may have been lost with it, for each
queue. An ack takes 21 bytes: more than these do not wait in the buffers of a connection."""


class Runs:
    """Which messages run here, or have run, whose lease was lost. Messages without a message id are not known again."""

    def __init__(self) -> None:
        self._leaseless: defaultdict[Identity, list[Entry]] = defaultdict(list)
        self._joined: dict[Entry, Entry] = {}
        self._acked: deque[tuple[int | None, Identity]] = deque(maxlen=MEMORY)
        """By lease; None: sent back."""
        self._memory: OrderedDict[Identity, Outcome] = OrderedDict()

    def lose(self, lease: int, in_flight: Iterable[Entry], unstarted: Iterable[Entry]) -> None:
        """A lease is gone: these of its deliveries are still being run, those were not started.

        Acks made on it may have been lost with it. But a publisher's duplicate that will come back must not be taken
        for the one that was acked.
        """
        running = [(entry.message.identity(), entry) for entry in in_flight]
        for identity, entry in running:
            if identity is not None:
                self._leaseless[identity].append(entry)
        to_come = {identity for identity, _ in running} | {entry.message.identity() for entry in unstarted}
        for identity in filter(None, to_come):
            self._memory.pop(identity, None)
        for identity in self._acked_on(lease):
            if identity not in to_come:
                self._memorize(identity, COMPLETED)

    def join(self, entry: Entry) -> bool:
        """Whether this redelivery's message is being run here: then it waits for that, and is settled with it."""
        identity = entry.message.identity()
        for run in self._leaseless.get(identity, ()) if identity is not None else ():
            if self.holder(run) is None:  # else it has one: this is a duplicate, made by the publisher
                self._joined[run] = entry
                return True
        return False

    def recall(self, entry: Entry) -> Outcome | None:
        """What came of this redelivery's message, if it was run here and its settlement was lost; told once."""
        identity = entry.message.identity()
        return None if identity is None else self._memory.pop(identity, None)

    def holder(self, run: Entry) -> Entry | None:
        """The delivery over which this run can be settled: its own, or a redelivery that joined it."""
        if run.held:
            return run
        joined = self._joined.get(run)
        return joined if joined is not None and joined.held else None

    def joined(self) -> list[Entry]:
        """The redeliveries that wait for a run here."""
        return [entry for entry in self._joined.values() if entry.held]

    def acked(self, run: Entry) -> None:
        """It has completed, and was acked over its own lease."""
        identity = run.message.identity()
        if identity is not None:
            self._acked.append((run.lease, identity))

    def ended(self, run: Entry, outcome: Outcome, settled_on: Entry | None) -> None:
        """It is over. `settled_on` None: nobody could be told what came of it, a redelivery will be."""
        self._joined.pop(run, None)
        identity = run.message.identity()
        if identity is None:
            return
        if run in self._leaseless.get(identity, ()):
            self._leaseless[identity].remove(run)
            if not self._leaseless[identity]:
                del self._leaseless[identity]
        if isinstance(outcome, Returned) or (isinstance(outcome, Again) and settled_on is not None):
            self._acked.append((None, identity))  # it comes back to be run; what is remembered is of a duplicate
            self._memory.pop(identity, None)
        elif settled_on is None:
            self._memorize(identity, outcome)
        else:
            self._acked.append((settled_on.lease, identity))

    def _acked_on(self, lease: int) -> list[Identity]:
        """In order, each once; without those of which a duplicate was sent back since."""
        acked: dict[Identity, None] = {}
        for acked_on, identity in self._acked:
            if acked_on == lease:
                acked[identity] = None
            elif acked_on is None:
                acked.pop(identity, None)
        return list(acked)

    def _memorize(self, identity: Identity, outcome: Outcome) -> None:
        self._memory[identity] = outcome
        self._memory.move_to_end(identity)
        if len(self._memory) > MEMORY:
            self._memory.popitem(last=False)
