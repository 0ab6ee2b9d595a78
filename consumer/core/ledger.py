"""The ledger of unsettled deliveries: every delivery is in exactly one state and is settled at most once.

May know: leases and delivery tags, as numbers. May not know: who sends the frames, tasks, time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from consumer.core.delivery import Message


class State(Enum):
    """Where a delivery is. The last three are final."""

    PREFETCHED = auto()  # here, not started
    IN_FLIGHT = auto()  # its handler runs
    STALE = auto()  # its handler runs on, but its lease is lost: the broker will deliver it again
    ACKED = auto()
    REQUEUED = auto()
    LOST = auto()  # ended without a settlement, because its lease was lost

    __hash__ = object.__hash__  # by identity, as they are compared: the table is asked for every delivery


class Move(Enum):
    """What can happen to a delivery."""

    START = auto()
    ACK = auto()
    REQUEUE = auto()
    LOSE = auto()

    __hash__ = object.__hash__


TABLE: dict[Move, dict[State, State]] = {
    Move.START: {State.PREFETCHED: State.IN_FLIGHT},
    Move.ACK: {State.PREFETCHED: State.ACKED, State.IN_FLIGHT: State.ACKED, State.STALE: State.LOST},
    Move.REQUEUE: {State.PREFETCHED: State.REQUEUED, State.IN_FLIGHT: State.REQUEUED, State.STALE: State.LOST},
    Move.LOSE: {State.PREFETCHED: State.LOST, State.IN_FLIGHT: State.STALE},
}
START, ACK, REQUEUE, LOSE = Move
"""By names of their own: Python 3.11 takes its time to find a member of an enumeration."""
UNSETTLED = frozenset({State.PREFETCHED, State.IN_FLIGHT})
OPEN = UNSETTLED | {State.STALE}
"""Ours to settle; and what something can still happen to."""


class IllegalMoveError(Exception):
    """A delivery was asked to do what its state does not allow: a defect of ours, never of the user's."""


class Interruption(Enum):
    """Why a handler was cancelled: whatever it returns then, the work is not done."""

    TIMED_OUT = "it ran longer than its timeout"
    LEASE_LOST = "its lease was lost"
    GIVEN_UP = "the drain timeout has passed"


@dataclass(slots=True, eq=False)
class Entry:
    """One delivery: which lease (channel) and delivery tag it came on, and its state.

    `handling`: its handler runs this moment (it may be in flight and wait, or be concluded).
    `more_attempts`: how often its handler was started again, in place.
    `waiting_since`: when it began to wait for a free slot, until its handler starts; None: it found one.
    `since`: when its handler was last started.
    """

    lease: int
    tag: int
    message: Message
    state: State = State.PREFETCHED
    handling: bool = False
    interrupted: Interruption | None = None
    more_attempts: int = 0
    waiting_since: float | None = None
    since: float | None = None

    @property
    def attempt(self) -> int:
        """Which start of a handler on this message it is at, from 1."""
        return self.message.attempt + self.more_attempts

    @property
    def given_up(self) -> bool:
        """The drain has cancelled it."""
        return self.interrupted is Interruption.GIVEN_UP

    @property
    def held(self) -> bool:
        """Whether it is still ours: its lease stands, and it is not settled."""
        return self.state in UNSETTLED

    @property
    def open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.state in OPEN


class Ledger:
    """Which deliveries are here, by lease. Only the settler may call `ack` and `requeue`."""

    def __init__(self) -> None:
        self._unsettled: dict[int, dict[int, Entry]] = {}

    def receive(self, lease: int, tag: int, message: Message) -> Entry:
        """Enter a delivery. Raises IllegalMoveError when this lease has this tag already."""
        entries = self._unsettled.setdefault(lease, {})
        if tag in entries:
            raise IllegalMoveError(f"delivery tag {tag} came twice on lease {lease}")
        entry = entries[tag] = Entry(lease, tag, message)
        return entry

    def start(self, entry: Entry) -> None:
        """Its handler is about to run."""
        self._move(entry, START)

    def ack(self, entry: Entry) -> bool:
        """It is done. True: the broker must be told. False: its lease is lost, there is nobody to tell."""
        return self._settle(entry, ACK)

    def requeue(self, entry: Entry) -> bool:
        """It goes back to its queue. True: the broker must be told. False: it goes back by itself."""
        return self._settle(entry, REQUEUE)

    def lose(self, lease: int) -> list[Entry]:
        """The lease is gone, with all that was unsettled on it. Returns those entries, each moved."""
        entries = list(self._unsettled.pop(lease, {}).values())
        for entry in entries:
            self._move(entry, LOSE)
        return entries

    def lowest(self, lease: int) -> int | None:
        """The lowest tag of this lease that is not settled: entries are in the order of their tags."""
        return next(iter(self._unsettled.get(lease, ())), None)

    @property
    def size(self) -> int:
        """How many deliveries are here that are not settled."""
        return sum(map(len, self._unsettled.values()))

    def unsettled(self) -> Iterable[Entry]:
        """Everything that the broker still waits for an answer to."""
        return (entry for entries in self._unsettled.values() for entry in entries.values())

    def _settle(self, entry: Entry, move: Move) -> bool:
        held = entry.state in UNSETTLED
        self._move(entry, move)
        if held:
            del self._unsettled[entry.lease][entry.tag]
        return held

    @staticmethod
    def _move(entry: Entry, move: Move) -> None:
        target = TABLE[move].get(entry.state)
        if target is None:
            raise IllegalMoveError(f"{move.name} on a delivery that is {entry.state.name} (tag {entry.tag})")
        entry.state = target
