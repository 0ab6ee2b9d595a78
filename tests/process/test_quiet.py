"""`lastcall quiet PID` and `lastcall resume PID`, on real workers: nothing new is taken, and nothing lost."""

import asyncio
import os
import sys
from signal import SIGCONT, SIGKILL, SIGTERM, SIGTSTP

import pytest

from .harness import Workers
from .queues import Jobs
from .wires import Gate, Wire

pytestmark = [pytest.mark.broker, pytest.mark.process]


async def lastcall(*arguments: str) -> tuple[int | None, str, str]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "consumer", *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaints = await child.communicate()
    return child.returncode, said.decode(), complaints.decode()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_quiet_worker_hands_over_and_goes_on_when_it_is_told_to(
    workers: Workers, jobs: Jobs, gate: Gate, loop: str
) -> None:
    published = await jobs.publish(3, "hold")
    first = await workers.consuming("--concurrency", "1", "--prefetch", "3", "--loop", loop)
    await first.until("received", 3)
    assert await lastcall("quiet", str(first.pid)) == (0, f"told process {first.pid} to be quiet\n", "")
    await first.until("quieted", reason="SIGTSTP", in_flight=1)
    second = await workers.consuming("--concurrency", "2")
    await second.until_each("started", published[1:])
    gate.open()
    await first.until("settled", outcome="completed")
    await second.until("settled", 2, outcome="completed")
    second.signal(SIGTERM)
    assert await second.exit() == 0

    later = await jobs.publish(1, "return")
    assert await lastcall("resume", str(first.pid)) == (0, f"told process {first.pid} to resume\n", "")
    await first.until_each("settled", later)
    assert len(first.named("connected")) == 1
    first.signal(SIGTERM)
    assert await first.exit() == 0
    assert await jobs.ready() == 0


async def test_sigterm_drains_a_quiet_worker(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    [held] = await jobs.publish(1, "hold")
    worker = await workers.consuming()
    await worker.until("started")
    worker.signal(SIGTSTP)
    await worker.until("quieted")
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0
    assert worker.ids("settled", outcome="completed") == [held]


async def test_a_worker_that_is_told_before_it_is_connected_starts_quiet(
    workers: Workers, jobs: Jobs, wire: Wire, wired_url: str
) -> None:
    [waiting] = await jobs.publish(1, "return")
    worker = await workers.start(env={"LASTCALL_AMQP_URL": wired_url})
    await worker.until("connecting")
    worker.signal(SIGTSTP)
    await wire.connect()
    await worker.until("quieted")
    assert worker.named("consuming") == []
    worker.signal(SIGCONT)
    await worker.until_each("settled", [waiting])
    worker.signal(SIGTERM)
    assert await worker.exit() == 0


async def test_a_parent_passes_both_on(workers: Workers, jobs: Jobs) -> None:
    parent = await workers.start("--processes", "2")
    await parent.until("consuming", 2)
    assert (await lastcall("quiet", str(parent.pid)))[0] == 0
    await parent.until("quieted", 2)
    waiting = await jobs.publish(4, "return")
    assert await jobs.ready() == 4
    assert (await lastcall("resume", str(parent.pid)))[0] == 0
    await parent.until_each("settled", waiting)
    parent.signal(SIGTERM)
    assert await parent.exit() == 0


async def test_a_process_that_takes_a_killed_ones_place_is_quiet_too(workers: Workers, jobs: Jobs) -> None:
    parent = await workers.start("--processes", "2")
    first, _ = await parent.until("consuming", 2)
    parent.signal(SIGTSTP)
    await parent.until("quieted", 2)
    os.kill(first["pid"], SIGKILL)
    await parent.until("quieted", 3)
    assert len(parent.named("consuming")) == 2
    parent.signal(SIGTERM)
    assert await parent.exit() == 0


async def test_who_is_no_worker_is_left_alone(workers: Workers) -> None:
    bystander = await workers.launch("sleep", "60")
    code, said, complaint = await lastcall("quiet", str(bystander.pid))
    assert (code, said) == (2, "")
    assert f"process {bystander.pid} (sleep) is no worker that can be told so" in complaint
    assert bystander.running
    await bystander.kill()
    code, said, complaint = await lastcall("resume", str(bystander.pid))
    assert (code, said, complaint) == (2, "", f"lastcall: there is no process {bystander.pid}.\n")
