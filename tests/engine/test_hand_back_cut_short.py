"""Handing back that is cut short leaves nothing unsettled of what it had taken out to save."""

import asyncio

import pytest

from consumer.core.delivery import Message, Properties
from consumer.core.facts import facts_of
from consumer.core.ledger import Ledger
from consumer.delivery import Draining
from consumer.engine.attempt import Attempt
from consumer.engine.budget import Budget
from consumer.engine.dispatcher import FIRST_SLICE, Dispatcher
from consumer.engine.notes import Notes
from consumer.engine.owned import Owner
from consumer.engine.parking import Parking
from consumer.engine.putting_off import PuttingOff
from consumer.engine.returning import Returning
from consumer.engine.runs import Runs
from consumer.engine.settler import Settler
from consumer.engine.work import Work
from consumer.observers import Observers
from tests.engine.stage import Stage
from tests.engine.test_settlements_are_collected import Recorded

NEAR = Message(b"", "orders", properties=Properties(headers={"x-delivery-count": 10}))
FAR = Message(b"", "orders")
FOREIGN = facts_of((4, 0), {"x-queue-type": "quorum"})


class Room:
    """A dispatcher with what waits in it, and nobody around it."""

    def __init__(self, stage: Stage) -> None:
        stage.handle(concurrency=1, prefetch=100)
        [handler] = stage.worker.handlers
        observers = Observers()
        notes = Notes(observers, observers, None)
        publisher, draining = stage.fake.publisher(), Draining()
        self.ledger = Ledger()
        self.settler = Settler(self.ledger, notes)
        self.lease = Recorded()
        work = Work(
            handler.retry,
            Attempt(handler, publisher, draining, notes, notes.tallies["orders"]),
            None,
            Runs(),
            self.settler,
            Parking(publisher, "orders.parked", notes),
            PuttingOff(publisher, notes),
            Returning(publisher, self.settler, notes),
            draining,
            notes,
        )
        owner = Owner(lambda: None)
        self.dispatcher = Dispatcher(handler, work, self.settler, Budget(None, lambda: None), owner, notes)
        self.dispatcher.know(FOREIGN)
        self.dispatcher.close()

    def holds(self, *messages: Message) -> None:
        for tag, message in enumerate(messages, 1):
            self.dispatcher.deliver(self.lease, tag, message)


@pytest.mark.parametrize("slices", [1, 2])
async def test_what_was_to_be_saved_is_nacked_when_it_is_cut_short_between_two_slices(
    stage: Stage, slices: int
) -> None:
    room = Room(stage)
    room.holds(NEAR, *[FAR] * 30)
    handing_back = asyncio.create_task(room.dispatcher.hand_back("drain"))
    for _ in range(slices):
        await asyncio.sleep(0)
    gone = FIRST_SLICE * (2**slices - 1)
    assert [entry.tag for entry in room.ledger.unsettled()] == [1, *range(gone + 1, 32)]
    handing_back.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handing_back
    assert [entry.tag for entry in room.ledger.unsettled()] == [*range(gone + 1, 32)]
    room.dispatcher.return_leftovers()
    room.settler.flush()
    assert [*room.ledger.unsettled()] == []
    assert {verb for verb, _, _ in room.lease.frames} == {"nack"}
    assert room.lease.frames[-1] == ("nack", 31, True)
