"""Handlers in processes: no signal but their worker's word ends them, and none outlives its worker."""

import os
import sys
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from .harness import HERE, MARGIN, WorkerProcess, Workers
from .queues import Jobs
from .wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]

DRAIN_TIMEOUT = 0.5
TWO = ("--concurrency", "2")
GONE_SOON = 5.0
"""Seconds: much less than a job that is held takes."""


async def two_at_work(
    workers: Workers, jobs: Jobs, *flags: str, do: str = "hold"
) -> tuple[WorkerProcess, list[str], list[int]]:
    """A worker with two jobs in two children; the jobs' ids, and the children's."""
    published = await jobs.publish(2, do)
    worker = await workers.start(*(flags or TWO), worker="processed")
    await worker.until_logged("child ", 2)
    return worker, published, [int(line.split()[1]) for line in worker.log if line.startswith("child ")]


async def test_the_drain_waits_for_them(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    worker, published, children = await two_at_work(workers, jobs)
    assert len({*children, worker.pid}) == 3
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0, "and its output ends, so that none of them is left"
    assert sorted(worker.ids("settled", outcome="completed")) == published
    assert await jobs.ready() == await jobs.parked() == 0


async def test_ctrl_c_in_a_terminal_reaches_the_worker_alone(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    worker, published, _ = await two_at_work(workers, jobs)
    os.killpg(worker.pid, SIGINT)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0
    assert sorted(worker.ids("settled", outcome="completed")) == published
    assert not any("Traceback" in line for line in worker.log)


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
async def test_a_signal_to_every_process_as_systemd_sends_it_drains_all_the_same(
    workers: Workers, jobs: Jobs, gate: Gate, number: int
) -> None:
    worker, published, children = await two_at_work(workers, jobs)
    for each in (*children, worker.pid, *children):
        os.kill(each, number)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0
    assert sorted(worker.ids("settled", outcome="completed")) == published


async def test_one_that_is_killed_fails_its_message_and_no_other(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    worker, _, [victim, other] = await two_at_work(workers, jobs)
    os.kill(victim, SIGKILL)
    [parked] = await worker.until("settled")
    assert parked["outcome"] == "parked"
    assert "SIGKILL" in worker.named("parked")[0]["reason"]
    await jobs.publish(1, "hold")
    await worker.until_logged("child ", 3)
    os.kill(other, 0)
    gate.open()
    await worker.until("settled", 2, outcome="completed")
    worker.signal(SIGTERM)
    assert await worker.exit() == 0
    assert (await jobs.ready(), await jobs.parked()) == (0, 1)


@pytest.mark.parametrize("do", ["hold", "swallow", "be busy"])
async def test_at_the_hard_deadline_they_are_ended_and_their_messages_run_elsewhere(
    workers: Workers, jobs: Jobs, do: str
) -> None:
    flags = (*TWO, "--drain-timeout", str(DRAIN_TIMEOUT))
    worker, published, _ = await two_at_work(workers, jobs, *flags, do=do)
    signalled = worker.signal(SIGTERM)
    assert await worker.exit() == 3
    assert worker.gone_at - signalled < DRAIN_TIMEOUT + MARGIN
    [report] = worker.named("drain_finished")
    assert sorted(report["orphans"]) == sorted(worker.ids("requeued", reason="orphan")) == published
    assert "done" not in worker.log
    await jobs.until_ready(2)


async def test_a_second_signal_ends_them(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    worker, published, _ = await two_at_work(workers, jobs)
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    worker.signal(SIGTERM)
    assert await worker.exit() == 4
    assert sorted(worker.ids("orphaned")) == published
    assert "done" not in worker.log


@pytest.mark.parametrize("do", ["hold", "swallow"])
async def test_none_outlives_a_worker_that_is_killed(workers: Workers, jobs: Jobs, do: str) -> None:
    worker, _, _ = await two_at_work(workers, jobs, do=do)
    worker.signal(SIGKILL)
    assert await worker.exit(within=GONE_SOON) == -SIGKILL, "its output ends when its children have ended"
    assert "done" not in worker.log
    await jobs.until_ready(2)


async def test_they_go_with_several_worker_processes(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    flags = ("--processes", "2", "--concurrency", "1", "--prefetch", "1")
    parent, published, children = await two_at_work(workers, jobs, *flags)
    assert len({*children, *(each["pid"] for each in parent.named("started")), parent.pid}) == 5
    os.killpg(parent.pid, SIGINT)
    await parent.until("drain_started", 2)
    gate.open()
    assert await parent.exit() == 0
    assert sorted(parent.ids("settled", outcome="completed")) == published


async def test_none_outlives_several_worker_processes_that_are_killed(workers: Workers, jobs: Jobs) -> None:
    flags = ("--processes", "2", "--concurrency", "1", "--prefetch", "1")
    parent, _, _ = await two_at_work(workers, jobs, *flags)
    for each in parent.named("started"):
        os.kill(each["pid"], SIGKILL)
    parent.signal(SIGKILL)
    assert await parent.exit(within=GONE_SOON) == -SIGKILL
    await jobs.until_ready(2)


async def test_a_handler_in_the_program_itself_is_found_there(workers: Workers, jobs: Jobs) -> None:
    await jobs.publish(1, "")
    worker = await workers.launch(sys.executable, str(HERE / "programs.py"), env={"LASTCALL_EVENTS": "-"})
    [parked] = await worker.until("parked")
    assert parked["reason"] == "OwnError: its own"
    worker.signal(SIGTERM)
    assert await worker.exit() == 0


async def test_a_program_that_runs_its_worker_when_it_is_imported_is_told_so(workers: Workers, jobs: Jobs) -> None:
    worker = await workers.launch(sys.executable, str(HERE / "programs.py"), env={"UNGUARDED": "1"})
    assert await worker.exit() == 2
    assert any("under `if __name__ == '__main__':`" in line for line in worker.log)


async def test_a_handler_that_no_file_holds_is_refused(workers: Workers) -> None:
    program = (HERE / "programs.py").read_text()
    worker = await workers.launch(sys.executable, "-c", program)
    assert await worker.exit() == 2
    assert any("in a module of its own" in line for line in worker.log)
