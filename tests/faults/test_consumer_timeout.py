"""A handler that outlasts the broker's consumer_timeout: it is let finish, and its message is not run again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGTERM

import pytest

from .node import Node
from .stage import CONCURRENCY, PREFETCH, Place, stage

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.docker]

MOMENT = "outlasting"
TIMEOUT = 3
"""Seconds."""
SET = "application:set_env(rabbit, consumer_timeout, {}), application:set_env(rabbit, channel_tick_interval, {})."


@pytest.fixture
async def place(node: Node, tmp_path: Path) -> AsyncIterator[Place]:
    """At a broker that waits `TIMEOUT` for an ack, and looks each second instead of each minute."""
    await node.ctl("eval", SET.format(1000 * TIMEOUT, 1_000))
    async with stage(node, tmp_path, [MOMENT], prefix="timeouts.", wired=False) as on:
        yield on.places[MOMENT]
    await node.ctl("eval", SET.format(1_800_000, 60_000))


async def test_a_handler_that_outlasts_the_consumer_timeout_is_run_once(place: Place) -> None:
    worker = await place.consuming()
    ids = await place.publish(PREFETCH, "hold")
    await worker.until("channel_lost")
    place.gate.open()
    await worker.until_each("settled", ids, outcome="completed")
    ids = await place.publish(2, "return")
    await worker.until_each("settled", ids, outcome="completed")
    place.signal(worker, SIGTERM)
    assert await worker.exit() == 0
    await place.close_books()
    assert not place.books.problems()


async def test_a_draining_worker_whose_timeout_has_passed_finishes_and_leaves(place: Place) -> None:
    place.books.excused = 1
    worker = await place.consuming()
    await place.publish(PREFETCH, "hold")
    await worker.until("started", CONCURRENCY)
    place.signal(worker, SIGTERM)
    await worker.until("requeued", PREFETCH - CONCURRENCY, reason="drain")
    await asyncio.sleep(2 * TIMEOUT)  # 4.3 forgets the timeout with the consumer, so there is no event to wait for
    place.gate.open()
    assert await worker.exit() == 0
    heir = await place.start("--idle-timeout", "1")
    assert await heir.exit() == 0
    await place.close_books()
    assert not place.books.problems()
