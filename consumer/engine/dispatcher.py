"""The dispatcher of one handler: owns its tasks, starts at most `concurrency` of them, hands back the rest.

May know: the settler, how to start a task. May not know: AMQP, signals, what the handler does.

Its tasks belong to nobody else: no signal, no lost connection and no cancelled `serve()` cancels them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from enum import Enum, auto
from functools import partial
from itertools import islice
from time import monotonic

from consumer.broker.port import Lease
from consumer.core.delivery import Message
from consumer.core.events import Event, EventName
from consumer.core.facts import QueueFacts
from consumer.core.ledger import OPEN, UNSETTLED, Entry, Interruption, State
from consumer.engine.budget import Budget
from consumer.engine.handler import Handler
from consumer.engine.notes import Notes
from consumer.engine.owned import Owner
from consumer.engine.settler import Settler
from consumer.engine.work import Work

FIRST_SLICE, LARGEST_SLICE = 4, 32
"""Deliveries that are handed back in one go: a few at first, so that another worker has one at once, then more; not
too many: RabbitMQ 3.10 shuffles what one nack of more than 32 returns (measured)."""


class Intake(Enum):
    """What becomes of a delivery that arrives."""

    OPEN = auto()  # started as soon as a slot is free
    CLOSED = auto()  # kept until the consumer is cancelled: nacked now, the broker would send it right back
    RETURNING = auto()  # nacked at once


_OPEN = Intake.OPEN
"""By a name of its own, as in the ledger."""


class Dispatcher:
    """Where the deliveries of one queue wait, and where its handler tasks live."""

    def __init__(
        self, handler: Handler, work: Work, settler: Settler, budget: Budget, owner: Owner, notes: Notes
    ) -> None:
        self.handler = handler
        self._concurrency = handler.concurrency
        self.tally = notes.tallies[handler.queue.name]
        self._work = work
        self._settler = settler
        self._budget = budget
        self._owner = owner
        self._notes = notes
        self._intake = Intake.OPEN
        self._handing_back_for = "drain"
        self._counts_attempts = False
        self._waiting: deque[Entry] = deque()
        self._tasks: dict[Entry, asyncio.Task[None]] = {}

    @property
    def in_flight(self) -> dict[Entry, "asyncio.Task[None]"]:
        """The deliveries whose handlers run, with their tasks."""
        return dict(self._tasks)

    @property
    def prefetched(self) -> int:
        """How many deliveries are here and not started."""
        return len(self._waiting)

    def deliver(self, lease: Lease, tag: int, message: Message) -> None:
        """A delivery arrived: a plain call that records, and starts what may be started."""
        self.tally.received += 1
        entry = self._settler.receive(lease, tag, message)
        if self._counts_attempts:
            entry.more_attempts = message.returns
        self._notes.received(entry, lease.generation)
        if message.redelivered:
            self.tally.redelivered += 1
            if self._is_known(entry):
                return
        if self._intake is _OPEN and not self._waiting and len(self._tasks) < self._concurrency and self._budget.take():
            self._start(entry, self._work.run)
        elif self._intake is Intake.RETURNING:
            self._settler.requeue(entry, self._handing_back_for)
        else:
            entry.waiting_since = monotonic()
            self._waiting.append(entry)

    def know(self, facts: QueueFacts) -> None:
        """What the queue was found to be, when it was prepared."""
        self._work.returning.facts = facts
        self._counts_attempts = facts.native_delay

    def lose(self, lease: Lease) -> None:
        """The lease is being lost: a plain call that records. `forget` follows."""
        self._settler.lose(lease)

    def forget(self, lease: Lease) -> None:
        """A lease was lost: what waited here will be delivered again, perhaps elsewhere; what runs, runs on."""
        unstarted = [entry for entry in self._waiting if not entry.open]
        self._waiting = deque(entry for entry in self._waiting if entry.open)
        running = [entry for entry in self._tasks if entry.state is State.STALE and entry.lease == lease.id]
        self._work.runs.lose(lease.id, running, unstarted)
        for entry in running if self.handler.cancel_on_lost_lease else ():
            if entry.handling and entry.interrupted is None:
                entry.interrupted = Interruption.LEASE_LOST
                self._tasks[entry].cancel(Interruption.LEASE_LOST.value)

    def close(self) -> None:
        """Start nothing any more."""
        if self._intake is Intake.OPEN:
            self._intake = Intake.CLOSED

    def open(self) -> None:
        """Start what comes, and what waits here; never once the drain has begun."""
        self._intake = Intake.OPEN
        self._fill()

    async def hand_back(self, reason: str) -> None:
        """Return everything that was not started, now; what still comes is returned as it comes.

        In slices, so that the first ones are on their way while the last ones are still being entered.
        """
        self._intake = Intake.RETURNING
        self._handing_back_for = reason
        slice_size = FIRST_SLICE
        near_the_limit: list[Entry] = []
        try:
            while self._waiting:
                for entry in islice(_emptying(self._waiting), slice_size):
                    if self._work.returning.is_near_the_limit(entry):
                        near_the_limit.append(entry)
                    else:
                        self._settler.requeue(entry, reason)
                slice_size = min(2 * slice_size, LARGEST_SLICE)
                self._settler.flush()
                await asyncio.sleep(0)  # lets the frames of this slice go out
            if near_the_limit:
                await self._work.returning.hand_back(near_the_limit, reason)
        finally:  # cancelled: better by nack than by closing
            for entry in near_the_limit:
                self._settler.requeue(entry, reason)

    def flush(self) -> None:
        """Put every settlement made so far in order."""
        self._settler.flush()

    def return_leftovers(self) -> None:
        """Return what is left unstarted, when the cancel was not confirmed in time: better by nack than by closing."""
        self._intake = Intake.RETURNING
        for entry in _emptying(self._waiting):
            self._settler.requeue(entry, "drain")

    def abandon(self) -> None:
        """Cancel the handlers that still run. Only the drain calls this, when its deadline has passed."""
        for entry, task in self._tasks.items():
            entry.interrupted = Interruption.GIVEN_UP
            task.add_done_callback(partial(self._dropped, entry))
            task.cancel(Interruption.GIVEN_UP.value)

    def return_joined(self) -> None:
        """Return the redeliveries that wait for handlers which won't end. Only the drain calls this, as above."""
        for entry in self._work.runs.joined():
            self._settler.requeue(entry, "orphan")

    def _is_known(self, entry: Entry) -> bool:
        """Whether its message is being run here, or was, over a lease that is lost: it is settled with that run."""
        runs = self._work.runs
        if runs.join(entry):
            self._tell("joined", entry, {"tag": entry.tag, "to": "handler"})
            return True
        outcome = runs.recall(entry)
        if outcome is None:
            return False
        self._tell("joined", entry, {"tag": entry.tag, "to": "memory"})
        self._start(entry, partial(self._work.conclude, outcome=outcome))
        return True

    def _fill(self) -> None:
        while self._intake is _OPEN and self._waiting and len(self._tasks) < self._concurrency:
            if self._waiting[0].state not in UNSETTLED:
                self._waiting.popleft()  # its lease went this very moment: it will be delivered again
            elif self._budget.take():
                self._start(self._waiting.popleft(), self._work.run)
            else:
                return

    def _start(self, entry: Entry, work: Callable[[Entry], Coroutine[object, object, None]]) -> None:
        self._settler.start(entry)
        name = f"{self.handler.name} {entry.message.message_id or entry.tag}"
        self._tasks[entry] = self._owner.guarded(self._live(entry, work), name)

    async def _live(self, entry: Entry, work: Callable[[Entry], Coroutine[object, object, None]]) -> None:
        """What the tasks run. Its end is its own last step: a callback of the task's would cost a turn of the loop."""
        try:
            await work(entry)
        except GeneratorExit:  # the loop is gone
            raise
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):  # an error of ours, for which the message goes back
                self._tell("defect", entry, {"error": repr(error)})
            self._ended(entry)
            if not isinstance(error, Exception | asyncio.CancelledError):
                raise  # a KeyboardInterrupt that has struck here is the loop's owner's
        else:
            self._ended(entry)

    def _ended(self, entry: Entry) -> None:
        del self._tasks[entry]
        if entry.state in OPEN:
            self._work.drop(entry)
        if self._waiting:
            self._fill()

    def _dropped(self, entry: Entry, _task: "asyncio.Task[None]") -> None:
        """Cancelled before its first step, perhaps: then none of our code has run that could have settled it."""
        if entry in self._tasks:
            self._ended(entry)

    def _tell(self, name: EventName, entry: Entry, data: dict[str, object]) -> None:
        self._notes(Event(name, entry.message.queue, entry.message.message_id, data))


def _emptying(waiting: deque[Entry]) -> Iterator[Entry]:
    while waiting:
        yield waiting.popleft()
