"""The moments in which a worker is hit, as acts: in position, hit, given up on, recovered, gone.

May know: the place, the fault's outline. May not know: how the fault is inflicted.
"""

from abc import ABC, abstractmethod
from signal import SIGTERM

from tests.process.harness import MARGIN, WorkerProcess

from .books import DRAIN_TIMEOUT
from .faults import Fault
from .stage import CONCURRENCY, PREFETCH, Place

LOAD = 300
"""Messages, at 10 ms each: 3 s."""


class Moment(ABC):
    """One worker, on one place, when the fault strikes."""

    name: str
    drains = False
    flags: tuple[str, ...] = ()

    def __init__(self, place: Place, fault: Fault) -> None:
        self.place = place
        self.fault = fault
        self.worker: WorkerProcess
        self.connected_before = 0

    async def begin(self) -> None:
        """The worker is in position when this returns."""
        self.worker = await self.place.consuming(*self.flags)
        await self.take_position()
        self.seen_before = {each: len(self.worker.named(each)) for each in ("consuming", *self.fault.sees)}

    @abstractmethod
    async def take_position(self) -> None:
        """What the worker does when the fault strikes, it does now."""

    async def hit(self) -> None:  # noqa: B027 - most moments go on as they were
        """The fault is in effect."""

    async def notice(self) -> None:
        """Return when the worker knows."""
        for name in self.fault.sees:
            await self.worker.until(name, 1 + self.seen_before[name])

    async def recover(self) -> None:
        """The fault is mended: the worker works on what is published now, and leaves when told."""
        if self.fault.severs:
            await self.worker.until("consuming", 1 + self.seen_before["consuming"])
        if self.fault.takes_queues:
            self.place.books.owed.clear()
        await self.finish()
        await self.place.publish(2, "return")
        await self.worker.until_each("settled", self.place.books.owed)
        self.place.signal(self.worker, SIGTERM)
        await self.worker.exit(DRAIN_TIMEOUT + MARGIN)

    async def finish(self) -> None:  # noqa: B027 - in most moments it has ended by itself
        """What still runs, ends."""


class Idle(Moment):
    """No message anywhere."""

    name = "idle"

    async def take_position(self) -> None: ...


class MidHandler(Moment):
    """Handlers run and others could; they go on until their messages have come again."""

    name = "mid-handler"
    flags = ("--concurrency", str(PREFETCH))

    async def take_position(self) -> None:
        await self.place.publish(CONCURRENCY, "hold")
        await self.worker.until("started", CONCURRENCY)

    async def finish(self) -> None:
        if self.fault.severs and not self.fault.takes_queues:
            await self.worker.until("received", 2 * CONCURRENCY)
        self.place.gate.open()


class MidAck(Moment):
    """Handlers run, more is prefetched; they end while the fault lasts: their acks may or may not have arrived."""

    name = "mid-ack"

    async def take_position(self) -> None:
        await self.place.publish(PREFETCH, "hold")
        await self.worker.until("started", CONCURRENCY)
        await self.worker.until("received", PREFETCH)

    async def hit(self) -> None:
        self.place.gate.open()


class UnderLoad(Moment):
    """Messages are received, run and acked all the time."""

    name = "under load"

    async def take_position(self) -> None:
        await self.place.publish(LOAD, "take a moment")
        await self.worker.until("settled", 20)


class MidDrain(MidAck):
    """The worker was told to stop, handlers run; they end while the fault lasts. It must leave without the broker."""

    name = "mid-drain"
    drains = True

    async def take_position(self) -> None:
        self.place.books.excused = 1
        await super().take_position()
        self.place.signal(self.worker, SIGTERM)
        await self.worker.until("requeued", PREFETCH - CONCURRENCY, reason="drain")

    async def notice(self) -> None:
        await self._leave()

    async def recover(self) -> None:
        await self._leave()
        heir = await self.place.consuming()
        if self.fault.takes_queues:
            self.place.books.owed.clear()
        done = set(self.worker.ids("settled", outcome="completed"))
        ids = await self.place.publish(2, "return")
        await heir.until_each("settled", (self.place.books.owed - done) | set(ids))
        self.place.signal(heir, SIGTERM)
        await heir.exit(DRAIN_TIMEOUT + MARGIN)

    async def _leave(self) -> None:
        await self.worker.exit(DRAIN_TIMEOUT + MARGIN)


MOMENTS: list[type[Moment]] = [Idle, MidHandler, MidAck, UnderLoad, MidDrain]
