"""A worker that is killed loses nothing."""

from signal import SIGKILL, SIGTERM

import pytest

from .harness import Workers
from .queues import Jobs
from .wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]


async def test_what_a_killed_worker_had_runs_elsewhere(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    published = await jobs.publish(10, "hold")
    worker = await workers.consuming("--prefetch", "10", "--concurrency", "3")
    await worker.until("received", 10)
    worker.signal(SIGKILL)
    assert await worker.exit() == -SIGKILL

    heir = await workers.consuming()
    assert sorted(each["message_id"] for each in await heir.until("started", 10)) == published
    gate.open()
    await heir.until("settled", 10, outcome="completed")
    heir.signal(SIGTERM)
    assert await heir.exit() == 0
    assert await jobs.ready() == 0
