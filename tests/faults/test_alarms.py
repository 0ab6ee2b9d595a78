"""A resource alarm while handlers publish: the broker reads no more from whoever publishes, until the alarm is over."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.process.harness import WorkerProcess

from .node import Node
from .stage import CONCURRENCY, HEARTBEAT, Place, Stage, stage

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.docker]

MOMENT = "publishing"
FLEET = """
from consumer import Worker
worker = Worker()
for name in ("alarms.one", "alarms.two"):
    async def handle(order: dict) -> None: ...
    worker.handler(name, name=name, timeout=20)(handle)
"""


@pytest.fixture
async def on(node: Node, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(node, tmp_path, [MOMENT], prefix="alarms.", wired=False) as on:
        yield on
        await node.ctl("set_vm_memory_high_watermark", "0.6")


@pytest.fixture
async def place(on: Stage) -> Place:
    return on.places[MOMENT]


async def publishing_under_an_alarm(on: Stage, place: Place, *flags: str) -> WorkerProcess:
    """A worker whose handlers wait for confirms that don't come."""
    worker = await place.consuming(*flags, worker="publishing")
    await place.publish(CONCURRENCY, "hold")
    await worker.until("started", CONCURRENCY)
    await on.node.ctl("set_vm_memory_high_watermark", "0.00001")
    place.gate.open()
    await asyncio.sleep(4 * HEARTBEAT)  # a connection that the broker reads nothing from must not be given up
    assert not worker.named("finished")
    return worker


async def test_handlers_that_publish_wait_for_the_end_of_an_alarm_and_are_acked_then(on: Stage, place: Place) -> None:
    worker = await publishing_under_an_alarm(on, place)
    await on.node.ctl("set_vm_memory_high_watermark", "0.6")
    await worker.until_each("settled", place.books.owed, outcome="completed")
    place.signal(worker, SIGTERM)
    assert await worker.exit() == 0
    assert not worker.named("connection_lost"), "the connection that is consumed from has not published"
    assert await place.jobs.parked() == CONCURRENCY, "what they published has arrived, once each"
    assert not place.books.problems()


async def test_a_drain_does_not_wait_for_the_end_of_an_alarm(on: Stage, place: Place) -> None:
    place.books.excused = 1
    worker = await publishing_under_an_alarm(on, place, "--drain-timeout", "2")
    place.signal(worker, SIGTERM)
    assert await worker.exit(within=3) == 3
    assert sorted(worker.ids("orphaned")) == sorted(place.books.owed)

    await on.node.ctl("set_vm_memory_high_watermark", "0.6")
    heir = await place.start("--max-messages", str(CONCURRENCY))
    assert await heir.exit() == 0
    assert not place.books.problems()


async def test_a_check_is_not_held_up_by_an_alarm(on: Stage, tmp_path: Path) -> None:
    (tmp_path / "fleet.py").write_text(FLEET)
    await on.node.ctl("set_vm_memory_high_watermark", "0.00001")
    command = (sys.executable, "-m", "consumer", "check", "fleet:worker", "--amqp-url", on.node.url())
    check = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(30):
        told, trouble = await check.communicate()
    assert (check.returncode, trouble) == (0, b""), told
