"""`--processes N`: one parent, told to stop once, and several workers that drain at once, as each would by itself."""

import os
from signal import SIGINT, SIGKILL, SIGTERM

import pytest
from yarl import URL

from consumer.testing.brokers import BrokerHandle

from .harness import WorkerProcess, Workers
from .queues import Jobs
from .wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]

TWO = ("--processes", "2", "--concurrency", "2", "--prefetch", "2")


async def two_at_work(workers: Workers, jobs: Jobs) -> tuple[WorkerProcess, list[str]]:
    """A parent with two children, each with two messages in flight that wait for the gate."""
    published = await jobs.publish(4, "hold")
    parent = await workers.start(*TWO)
    await parent.until("consuming", 2)
    await parent.until_each("started", published)
    return parent, published


async def test_sigterm_drains_all_at_once_and_the_parent_reports_for_all(
    workers: Workers, jobs: Jobs, gate: Gate
) -> None:
    parent, published = await two_at_work(workers, jobs)
    parent.signal(SIGTERM)
    drains = await parent.until("drain_started", 2)
    assert len({each["pid"] for each in drains} - {parent.pid}) == 2, "both drain while neither has ended"
    gate.open()
    assert await parent.exit() == 0
    assert sorted(parent.ids("settled", outcome="completed")) == published
    assert await jobs.ready() == 0
    assert "2 processes have ended, exit code 0: 4 messages finished while draining" in parent.log[-1]


async def test_ctrl_c_in_a_terminal_counts_once(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    parent, published = await two_at_work(workers, jobs)
    os.killpg(parent.pid, SIGINT)
    await parent.until("drain_started", 2)
    gate.open()
    assert await parent.exit() == 0
    assert sorted(parent.ids("settled", outcome="completed")) == published


async def test_a_second_signal_hands_back_what_all_of_them_run(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    parent, published = await two_at_work(workers, jobs)
    parent.signal(SIGTERM)
    await parent.until("drain_started", 2)
    parent.signal(SIGTERM)
    assert await parent.exit() == 4
    assert sorted(parent.ids("orphaned")) == published
    assert await jobs.ready() == 4


async def test_a_child_that_is_killed_is_replaced_and_its_messages_are_run(
    workers: Workers, jobs: Jobs, gate: Gate
) -> None:
    parent, published = await two_at_work(workers, jobs)
    os.kill(parent.named("consuming")[0]["pid"], SIGKILL)
    await parent.until("consuming", 3)
    assert parent.running
    gate.open()
    await parent.until_each("settled", published, outcome="completed")
    parent.signal(SIGTERM)
    assert await parent.exit() == 0
    assert await jobs.ready() == 0
    assert "1 restarts" in parent.log[-1]


async def test_children_whose_parent_is_killed_drain(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    parent, published = await two_at_work(workers, jobs)
    parent.signal(SIGKILL)
    gate.open()
    assert await parent.exit() == -SIGKILL, "its output ends when its children have ended"
    assert sorted(parent.ids("settled", outcome="completed")) == published
    assert len(parent.named("drain_finished", exit_code=0)) == 2
    assert await jobs.ready() == 0


async def test_children_that_can_never_start_end_the_whole_with_their_exit_code(
    workers: Workers, lastcall_broker: BrokerHandle
) -> None:
    wrong = str(URL(lastcall_broker.url).with_password("not-the-password"))
    parent = await workers.start("--processes", "2", env={"LASTCALL_AMQP_URL": wrong})
    assert await parent.exit(within=60) == 1
    assert any("giving up" in line for line in parent.log)


async def test_children_that_have_worked_their_share_are_not_replaced(workers: Workers, jobs: Jobs) -> None:
    published = await jobs.publish(4, "return")
    parent = await workers.start(*TWO, "--max-messages", "2")
    assert await parent.exit(within=30) == 0
    assert sorted(parent.ids("settled", outcome="completed")) == published
    assert len(parent.named("drain_finished")) == 2
