"""What every test here gets: a gate, a queue of its own on the real broker, and workers that don't outlive it.

May know: the harness, the package's pytest plugin. May not know: what is tested.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from consumer.testing.brokers import BrokerHandle

from .harness import Workers
from .queues import Jobs
from .wires import Gate, Wire


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """Holds the jobs that do "hold"."""
    gate = Gate()
    await gate.listen()
    yield gate
    gate.close()


@pytest.fixture
async def jobs(lastcall_broker: BrokerHandle, queue_prefix: str) -> AsyncIterator[Jobs]:
    """The queue, declared."""
    jobs = Jobs(lastcall_broker.url, queue_prefix)
    await jobs.declare()
    yield jobs
    await jobs.close()


@pytest.fixture
async def workers(
    lastcall_broker: BrokerHandle, queue_prefix: str, tmp_path: Path, jobs: Jobs, gate: Gate
) -> AsyncIterator[Workers]:
    """Starts workers on that queue; all are gone before the queue is."""
    environment = {"LASTCALL_AMQP_URL": lastcall_broker.url, "LASTCALL_QUEUE_PREFIX": queue_prefix}
    workers = Workers(tmp_path, {**environment, "GATE": str(gate.port)})
    yield workers
    await workers.close()


@pytest.fixture
async def wire(lastcall_broker: BrokerHandle) -> AsyncIterator[Wire]:
    """To the broker; dials are refused until the test connects it."""
    broker = URL(lastcall_broker.url)
    wire = Wire((broker.host or "", broker.port or 5672))
    yield wire
    wire.close()


@pytest.fixture
def wired_url(lastcall_broker: BrokerHandle, wire: Wire) -> str:
    """The broker's address over the wire."""
    return str(URL(lastcall_broker.url).with_host("127.0.0.1").with_port(wire.port))
