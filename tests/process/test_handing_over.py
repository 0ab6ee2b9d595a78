"""A worker that is told to stop hands over what it has not started, and finishes what it has."""

from signal import SIGINT, SIGTERM, Signals

import pytest

from .harness import Workers
from .queues import Jobs
from .wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]


@pytest.mark.parametrize("stop", [SIGTERM, SIGINT])
async def test_what_was_not_started_runs_elsewhere_before_what_was_has_ended(
    workers: Workers, jobs: Jobs, gate: Gate, stop: Signals
) -> None:
    published = await jobs.publish(20, "hold")
    first = await workers.consuming("--prefetch", "20", "--concurrency", "5")
    await first.until("received", 20)
    second = await workers.consuming("--prefetch", "20", "--concurrency", "20")
    started_before = first.ids("started")

    signalled = first.signal(stop)
    await second.until("started", 15)
    assert not first.named("finished")
    gate.open()

    assert await first.exit() == 0
    assert first.ids("started") == started_before == published[:5]
    assert sorted(first.ids("settled", outcome="completed")) == started_before
    await second.until("settled", 15)
    assert sorted(second.ids("started")) == published[5:]
    assert second.named("started")[0]["monotonic"] - signalled < 0.5, "handed back at once, not in the end"
    second.signal(SIGTERM)
    assert await second.exit() == 0
    assert await jobs.ready() == 0


async def test_an_idle_worker_leaves_at_once_and_quietly(workers: Workers) -> None:
    worker = await workers.consuming()
    signalled = worker.signal(SIGTERM)
    assert await worker.exit() == 0
    assert worker.gone_at - signalled < 1.0
    assert not [line for line in worker.log if "Traceback" in line or '"level": "error"' in line]


async def test_a_worker_that_ends_its_last_handler_leaves_at_once(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    await jobs.publish(1, "hold")
    worker = await workers.consuming()
    await worker.until("started")
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0
    [finished] = worker.named("finished")
    assert worker.gone_at - finished["monotonic"] < 1.0
