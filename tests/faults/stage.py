"""Where a fault is played: the broker, a wire to it, and one queue, gate and set of workers for each moment.

May know: the node, the process harness. May not know: which fault it is, what is promised.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from time import monotonic, time

from yarl import URL

from tests.process.harness import WorkerProcess, Workers
from tests.process.queues import Jobs
from tests.process.wires import Gate, Wire

from . import firewall
from .books import DRAIN_TIMEOUT, Books
from .node import Node

HEARTBEAT = 2
"""Seconds. The broker gives a silent worker up after about two of them."""
VHOST = "faults"
USER, PASSWORD = "worker", "let me in"
CONCURRENCY, PREFETCH = 2, 4


@dataclass
class Place:
    """Where one moment is played."""

    jobs: Jobs
    gate: Gate
    workers: Workers
    books: Books = field(default_factory=Books)

    async def start(self, *flags: str, worker: str = "worker") -> WorkerProcess:
        """A worker on this place's queue, entered into the books."""
        process = await self.workers.start(*flags, worker=worker)
        self.books.workers.append(process)
        return process

    async def consuming(self, *flags: str, worker: str = "worker") -> WorkerProcess:
        """The same, when it consumes."""
        process = await self.start(*flags, worker=worker)
        await process.until("consuming")
        return process

    async def publish(self, count: int, do: str) -> list[str]:
        """So many jobs, which are owed from now on."""
        ids = await self.jobs.publish(count, do)
        await self.jobs.hang_up()
        self.books.owed |= set(ids)
        return ids

    def signal(self, worker: WorkerProcess, number: Signals) -> None:
        """Send it, and enter when."""
        self.books.signalled[worker.pid] = worker.signal(number)

    async def close_books(self) -> None:
        """Enter what is left at the broker when every worker has gone.

        What was completed while its ack was lost may come back only now: one more worker takes it.
        """
        if await self.jobs.ready():
            self.books.excused += 1
            heir = await self.start("--idle-timeout", "1")
            await heir.exit()
        self.books.left = await self.jobs.ready()
        self.books.parked = await self.jobs.parked()


@dataclass
class Stage:
    """All that a fault can lay its hands on."""

    node: Node
    wire: Wire
    places: dict[str, Place]
    began: float = field(default_factory=time)
    struck_at: float = float("inf")
    mended_at: float = float("inf")

    @property
    def workers(self) -> list[WorkerProcess]:
        """Those that run now."""
        return [worker for place in self.places.values() for worker in place.books.workers if worker.running]

    def struck(self) -> None:
        self.struck_at = monotonic()

    def mended(self) -> None:
        self.mended_at = monotonic()


@asynccontextmanager
async def stage(node: Node, directory: Path, moments: list[str], *, prefix: str, wired: bool) -> AsyncIterator[Stage]:
    """A stage with a place for each of the moments; all that runs on it is gone when the block ends."""
    async with AsyncExitStack() as cleanup:
        wire = Wire((node.host, 5672))
        await wire.connect()
        cleanup.callback(wire.close)
        url = URL(node.url(USER, PASSWORD, VHOST))
        url = url.with_host("127.0.0.1").with_port(wire.port) if wired else url
        places = {each: await make_place(node, directory, str(url), f"{prefix}{each}.", cleanup) for each in moments}
        try:
            yield Stage(node, wire, places)
        finally:
            await firewall.clear()


async def make_place(node: Node, directory: Path, url: str, prefix: str, cleanup: AsyncExitStack) -> Place:
    """A queue, declared through the node, and a gate for its jobs; `url` is where workers dial."""
    prefix = prefix.replace(" ", "-")
    gate = Gate()
    await gate.listen()
    cleanup.callback(gate.close)
    jobs = Jobs(node.url(vhost=VHOST), prefix)
    await jobs.declare()
    cleanup.push_async_callback(jobs.close)
    workers = Workers(
        directory,
        {
            "LASTCALL_AMQP_URL": url,
            "LASTCALL_QUEUE_PREFIX": prefix,
            "LASTCALL_HEARTBEAT": str(HEARTBEAT),
            "LASTCALL_DRAIN_TIMEOUT": str(DRAIN_TIMEOUT),
            "LASTCALL_CONCURRENCY": str(CONCURRENCY),
            "LASTCALL_PREFETCH": str(PREFETCH),
            "GATE": str(gate.port),
        },
    )
    cleanup.push_async_callback(workers.close)
    return Place(jobs, gate, workers)
