"""Settlements leave together while turn after turn brings more of them, and wait for nothing else."""

import asyncio
from collections.abc import Callable

import pytest

from consumer.core.delivery import Message
from consumer.core.ledger import Entry, Ledger
from consumer.engine import settler as settling
from consumer.engine.notes import Notes
from consumer.engine.settler import ENOUGH, MOST, Settler
from consumer.observers import Observers
from tests.engine.stage import turns

Frame = tuple[str, int, bool]
MESSAGE = Message(b"", "orders")


class Recorded:
    """A lease that remembers the frames it was given."""

    id, generation = 1, 1

    def __init__(self) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.frames: list[Frame] = []

    def ack(self, tag: int, *, multiple: bool) -> None:
        self.frames.append(("ack", tag, multiple))

    def nack(self, tag: int, *, multiple: bool) -> None:
        self.frames.append(("nack", tag, multiple))

    def reject(self, tag: int) -> None:
        self.frames.append(("reject", tag, False))

    async def cancel(self) -> None: ...

    async def resume(self) -> None: ...

    async def close(self) -> None: ...


class Desk:
    """A settler with so many deliveries in flight, which are acked in the order of their tags."""

    def __init__(self, deliveries: int) -> None:
        observers = Observers()
        self.lease = Recorded()
        self.settler = Settler(Ledger(), Notes(observers, observers, None))
        self._open = [self._started(tag) for tag in range(1, deliveries + 1)]

    def ack(self, count: int) -> None:
        for _ in range(count):
            assert self.settler.ack(self._open.pop(0), "completed")

    @property
    def frames(self) -> list[Frame]:
        return self.lease.frames

    def _started(self, tag: int) -> Entry:
        entry = self.settler.receive(self.lease, tag, MESSAGE)
        self.settler.start(entry)
        return entry


def turn_after_turn(steps: list[Callable[[], None]]) -> None:
    """Each step in a turn of its own, one right after the other."""
    if steps:
        first, *others = steps
        first()
        asyncio.get_running_loop().call_soon(turn_after_turn, others)


@pytest.fixture(autouse=True)
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "PATIENCE", float("inf"))  # a busy machine is no finding


async def test_what_comes_turn_after_turn_leaves_in_one_frame() -> None:
    desk = Desk(deliveries=100)
    turn_after_turn([lambda: desk.ack(10)] * 3)
    await turns()
    assert desk.frames == [("ack", 30, True)]


async def test_what_comes_alone_does_not_wait_for_what_is_running() -> None:
    desk = Desk(deliveries=100)
    desk.ack(1)
    await turns(3)
    assert desk.frames == [("ack", 1, False)]


async def test_the_last_one_here_leaves_in_the_next_turn() -> None:
    desk = Desk(deliveries=1)
    desk.ack(1)
    assert desk.frames == []
    await turns(1)
    assert desk.frames == [("ack", 1, False)]


async def test_when_most_of_what_is_here_is_settled_the_broker_hears_of_it() -> None:
    desk = Desk(deliveries=8)
    turn_after_turn([lambda: desk.ack(2)] * 4)
    await turns()
    assert MOST * 2 <= 6
    assert desk.frames == [("ack", 6, True), ("ack", 8, True)]


async def test_enough_of_them_leave_however_many_are_running() -> None:
    desk = Desk(deliveries=10 * ENOUGH)
    turn_after_turn([lambda: desk.ack(ENOUGH // 2)] * 3)
    await turns()
    assert desk.frames == [("ack", ENOUGH, True), ("ack", ENOUGH + ENOUGH // 2, True)]


async def test_nothing_waits_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "PATIENCE", 0.0)
    desk = Desk(deliveries=100)
    turn_after_turn([lambda: desk.ack(10)] * 3)
    await turns()
    assert [tag for _, tag, _ in desk.frames] == [10, 20, 30]


async def test_a_flush_leaves_nothing_to_wait_for() -> None:
    desk = Desk(deliveries=100)
    desk.ack(10)
    desk.settler.flush()
    assert desk.frames == [("ack", 10, True)]
    desk.ack(10)
    await turns()
    assert desk.frames == [("ack", 10, True), ("ack", 20, True)]


async def test_a_lease_that_is_lost_by_what_it_is_told_holds_up_no_other() -> None:
    desk = Desk(1)
    other = Recorded()
    other.id = 2
    entry = desk.settler.receive(other, 1, MESSAGE)
    desk.settler.start(entry)
    tell = desk.lease.ack

    def lose(tag: int, *, multiple: bool) -> None:
        tell(tag, multiple=multiple)
        desk.settler.lose(desk.lease)

    desk.lease.ack = lose  # type: ignore[method-assign]  # as the fake broker does at an illegal settlement
    desk.ack(1)
    assert desk.settler.ack(entry, "completed")
    desk.settler.flush()
    assert (desk.frames, other.frames) == ([("ack", 1, False)], [("ack", 1, False)])
