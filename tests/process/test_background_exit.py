"""What a background task does to itself is no way to kill handlers."""

from signal import SIGTERM

import pytest

from .harness import Workers
from .queues import Jobs
from .wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]


async def test_a_background_task_that_calls_exit_ends_no_handler(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    worker = await workers.consuming(worker="leaving")
    published = await jobs.publish(1, "hold")
    await worker.until("background_failed")
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0
    assert worker.ids("settled", outcome="completed") == published
