"""A signal at any moment of a worker's life: it ends in bounds and quietly, and nothing is lost or run twice."""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from random import Random, SystemRandom
from signal import SIGINT, SIGTERM
from time import monotonic

import pytest

from .harness import MARGIN, WorkerProcess, Workers
from .queues import Jobs

pytestmark = [pytest.mark.broker, pytest.mark.process]

DRAIN_TIMEOUT = 2.0
FLAGS = ("--drain-timeout", str(DRAIN_TIMEOUT), "--concurrency", "3", "--prefetch", "6", "--log-level", "warning")
AT_A_TIME = 2
MESSAGES = 1200


@dataclass(frozen=True)
class Moment:
    """When to signal: so many seconds after an event of the worker's (None: after the process began)."""

    event: str | None
    after: float
    again_after: float | None = None


@dataclass
class Life:
    """One worker's, with what came of it."""

    worker: WorkerProcess
    moment: Moment
    deaf: bool
    exit_code: int
    took: float

    @property
    def problems(self) -> list[str]:
        allowed = {0} if self.moment.again_after is None else {0, 3, 4}
        allowed |= {-SIGTERM} if self.deaf else set()
        found = [f"exit code {self.exit_code}"] if self.exit_code not in allowed else []
        found += [f"it took {self.took:.2f} s"] if self.took > DRAIN_TIMEOUT + MARGIN else []
        found += ["a traceback"] if any("Traceback" in line for line in self.worker.log) else []
        return [f"{self.moment}: {', '.join(found)}\n" + "\n".join(self.worker.log[-20:])] if found else []


def moments(random: Random, start_seconds: float) -> list[Moment]:
    """Sixty, spread over interpreter start, import, connect, declare, consume, in flight, draining, closing."""
    spread = [Moment(None, random.uniform(0, 0.1)) for _ in range(6)]
    spread += [Moment(None, random.uniform(0, 1.1 * start_seconds)) for _ in range(24)]
    spread += [Moment("connected", random.uniform(0, 0.08)) for _ in range(10)]
    spread += [Moment("started", random.uniform(0, 0.08)) for _ in range(8)]
    spread += [Moment("started", random.uniform(0, 0.08), random.uniform(0, 0.08)) for _ in range(12)]
    random.shuffle(spread)
    return spread


async def live(workers: Workers, moment: Moment) -> Life:
    worker = await workers.start(*FLAGS)
    if moment.event is not None:
        await worker.until(moment.event)
    await asyncio.sleep(moment.after)  # the random moment itself, not a wait for something
    deaf = not worker.owns_its_signals
    signalled = worker.signal(SIGTERM)
    if moment.again_after is not None:
        await asyncio.sleep(moment.again_after)
        worker.signal(SIGINT)
    code = await worker.exit()
    return Life(worker, moment, deaf, code, worker.gone_at - signalled)


def run_twice(lives: list[Life]) -> list[str]:
    """The messages that were started more than once, although no forced exit took them from their handlers."""
    starts = Counter(each for life in lives for each in life.worker.ids("started"))
    forced = Counter(
        each for life in lives if life.exit_code in {3, 4} for each in life.worker.ids("requeued", reason="orphan")
    )
    return [each for each, count in starts.items() if count - forced[each] > 1]


async def test_a_signal_at_any_moment_ends_a_worker_in_bounds_and_loses_nothing(workers: Workers, jobs: Jobs) -> None:
    seed = int(os.environ.get("LASTCALL_TEST_SEED") or SystemRandom().randrange(10_000))
    print(f"LASTCALL_TEST_SEED={seed}")
    published = await jobs.publish(MESSAGES, "take a moment")
    began = monotonic()
    first = await live(workers, Moment("consuming", 0))
    turns = asyncio.Semaphore(AT_A_TIME)

    async def in_turn(moment: Moment) -> Life:
        async with turns:
            return await live(workers, moment)

    spread = moments(Random(seed), first.worker.named("consuming")[0]["monotonic"] - began)
    lives = [first, *await asyncio.gather(*map(in_turn, spread))]
    last = await workers.start("--idle-timeout", "0.5", "--concurrency", "100", "--log-level", "warning")
    lives.append(Life(last, Moment("idle", 0), deaf=False, exit_code=await last.exit(), took=0))

    worst = max(life.took for life in lives)
    print(f"exit codes {dict(Counter(life.exit_code for life in lives))}, longest from signal to exit {worst:.2f} s")
    assert not [problem for life in lives for problem in life.problems]
    completed = {each for life in lives for each in life.worker.ids("settled", outcome="completed")}
    assert completed == set(published), "every message was completed"
    assert not run_twice(lives)
    assert await jobs.ready() == 0
