"""A connection that is lost: the worker comes back, and nothing is settled on a wire that is no more."""

from signal import SIGTERM

import pytest

from .harness import MARGIN, WorkerProcess, Workers
from .queues import Jobs
from .wires import Gate, Wire

pytestmark = [pytest.mark.broker, pytest.mark.process]

DRAIN_TIMEOUT = 1.0
IN_TIME = DRAIN_TIMEOUT + MARGIN


@pytest.fixture
async def wired(workers: Workers, wire: Wire, wired_url: str) -> WorkerProcess:
    """A worker that consumes over the wire."""
    await wire.connect()
    flags = ("--drain-timeout", str(DRAIN_TIMEOUT), "--concurrency", "2", "--prefetch", "4")
    return await workers.consuming(*flags, env={"LASTCALL_AMQP_URL": wired_url})


async def test_a_worker_reconnects_and_what_it_had_is_delivered_again(
    wired: WorkerProcess, jobs: Jobs, wire: Wire, gate: Gate
) -> None:
    published = await jobs.publish(4, "hold")
    await wired.until("received", 4)
    wire.cut()
    await wired.until("connected", 1, generation=2)
    assert sorted(wired.ids("lease_lost", state="in_flight")) == published[:2]
    assert sorted(wired.ids("lease_lost", state="prefetched")) == published[2:]

    gate.open()
    await wired.until("settled", 4)
    assert sorted(wired.ids("settled", outcome="completed")) == published, "each acked once, on the new generation"
    assert {each["redelivered"] for each in wired.named("received", generation=2)} == {True}
    wired.signal(SIGTERM)
    assert await wired.exit() == 0
    assert await jobs.ready() == 0
    assert not [line for line in wired.log if "Traceback" in line]


async def test_a_connection_that_is_cut_while_draining_holds_nothing_up(
    wired: WorkerProcess, workers: Workers, jobs: Jobs, wire: Wire, gate: Gate
) -> None:
    published = await jobs.publish(2, "hold")
    await wired.until("started", 2)
    signalled = wired.signal(SIGTERM)
    await wired.until("drain_started")
    wire.cut()
    await wired.until("lease_lost", 2)
    gate.open()

    assert await wired.exit() == 0
    assert wired.gone_at - signalled < IN_TIME
    assert not [line for line in wired.log if "Traceback" in line]
    heir = await workers.consuming()
    assert sorted(each["message_id"] for each in await heir.until("settled", 2)) == published


async def test_a_broker_that_falls_silent_while_draining_holds_the_process_no_longer_than_the_timeout(
    wired: WorkerProcess, jobs: Jobs, wire: Wire
) -> None:
    await jobs.publish(2, "hold")
    await wired.until("started", 2)
    wire.freeze()
    signalled = wired.signal(SIGTERM)
    assert await wired.exit() == 3
    assert wired.gone_at - signalled < IN_TIME
    assert not [line for line in wired.log if "Traceback" in line]


async def test_a_signal_while_reconnecting_ends_the_worker_at_once(wired: WorkerProcess, wire: Wire) -> None:
    wire.close()
    await wired.until("connecting")
    signalled = wired.signal(SIGTERM)
    assert await wired.exit() == 0
    assert wired.gone_at - signalled < MARGIN
