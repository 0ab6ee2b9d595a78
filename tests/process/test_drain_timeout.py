"""When the drain timeout passes, the worker leaves: who still runs is handed back and named."""

from signal import SIGTERM

import pytest

from .harness import MARGIN, Workers
from .queues import Jobs
from .wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]

DRAIN_TIMEOUT = 0.5
IN_TIME = DRAIN_TIMEOUT + MARGIN


@pytest.mark.parametrize(
    ("worker_name", "do"),
    [
        pytest.param("worker", "hold", id="a handler that waits"),
        pytest.param("worker", "swallow cancellation", id="one that swallows its cancellation for ever"),
        pytest.param("worker", "hold in a thread", id="one that waits for a thread of its own"),
        pytest.param("threaded", "hold", id="a plain handler in its thread"),
    ],
)
async def test_an_orphan_is_named_handed_back_and_run_elsewhere(
    workers: Workers, jobs: Jobs, worker_name: str, do: str
) -> None:
    published = await jobs.publish(2, do)
    worker = await workers.consuming("--drain-timeout", str(DRAIN_TIMEOUT), worker=worker_name)
    await worker.until("started", 2)
    heir = await workers.consuming()
    signalled = worker.signal(SIGTERM)

    assert await worker.exit() == 3
    assert DRAIN_TIMEOUT <= worker.gone_at - signalled < IN_TIME
    [report] = worker.named("drain_finished")
    assert sorted(report["orphans"]) == sorted(worker.ids("requeued", reason="orphan")) == published
    assert sorted(each["message_id"] for each in await heir.until("started", 2)) == published


@pytest.mark.parametrize("do", ["block the loop", "block the loop in C"])
async def test_a_handler_that_blocks_the_loop_holds_the_process_no_longer(
    workers: Workers, jobs: Jobs, do: str
) -> None:
    worker = await workers.consuming("--drain-timeout", str(DRAIN_TIMEOUT))
    published = await jobs.publish(1, do)
    await worker.until("started")
    heir = await workers.consuming()
    signalled = worker.signal(SIGTERM)

    assert await worker.exit() == 3
    assert worker.gone_at - signalled < IN_TIME
    assert any("blocks the event loop" in line for line in worker.log)
    assert (await heir.until("started"))[0]["message_id"] == published[0]


async def test_a_thread_that_a_handler_left_behind_does_not_hold_the_interpreter(workers: Workers, jobs: Jobs) -> None:
    await jobs.publish(1, "leave a thread behind")
    worker = await workers.consuming("--drain-timeout", str(DRAIN_TIMEOUT))
    await worker.until("settled", outcome="completed")
    signalled = worker.signal(SIGTERM)
    assert await worker.exit() == 0
    assert worker.gone_at - signalled < IN_TIME


async def test_a_plain_handler_that_ends_in_time_is_waited_for(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    published = await jobs.publish(2, "hold")
    worker = await workers.consuming(worker="threaded")
    await worker.until("started", 2)
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0
    assert sorted(worker.ids("settled", outcome="completed")) == published
    assert await jobs.ready() == 0


async def test_a_log_that_nobody_reads_any_more_holds_the_process_no_longer(workers: Workers, jobs: Jobs) -> None:
    worker = await workers.consuming("--drain-timeout", str(DRAIN_TIMEOUT))
    await jobs.publish(1, "clog the log")
    await worker.until("settled")
    signalled = worker.signal(SIGTERM)
    assert await worker.exit() == 3
    assert worker.gone_at - signalled < IN_TIME
