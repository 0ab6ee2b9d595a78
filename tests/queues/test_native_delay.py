"""Delayed retry of RabbitMQ 4.3 itself: a reject is a failure and is delayed, a nack is neither."""

import asyncio
from collections.abc import Callable

import pytest

from consumer.broker.port import Lease
from consumer.core.queue import Queue
from tests.contract.sides import Inbox, within
from tests.queues.conftest import Bench

pytestmark = pytest.mark.broker
LEAST, MOST = 200, 400
DELAYING = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 1_000_000_000,
    "x-delayed-retry-type": "failed",
    "x-delayed-retry-min": LEAST,
    "x-delayed-retry-max": MOST,
}
"""The two times are milliseconds: the wait is the first times the number of failures, the second at most."""


async def waits(bench: Bench, name: str, give_back: Callable[[Lease, int], None]) -> tuple[list[float], Inbox]:
    """How long the message stays away each time, in milliseconds, and how it comes back."""
    connection, inbox = await within(bench.broker.connect()), Inbox()
    lease = await within(connection.consume(Queue(name), 10, inbox.take))
    await (await bench.channel()).basic_publish(b"a", routing_key=name)
    clock, found = asyncio.get_running_loop().time, []
    for number in range(1, 5):
        await inbox.until(number)
        given_back = clock()
        give_back(lease, inbox.tags[-1])
        await inbox.until(number + 1)
        found.append((clock() - given_back) * 1000)
    await connection.close()
    return found, inbox


@pytest.fixture
async def queue(bench: Bench) -> str:
    name = await bench.declare(DELAYING)
    facts = await bench.facts(name)
    if facts.version < (4, 3):
        pytest.skip(f"RabbitMQ {'.'.join(map(str, facts.version))} has no delayed retry of its own: 4.3 is the first")
    assert facts.native_delay
    return name


async def test_a_reject_is_delayed_and_counted(bench: Bench, queue: str) -> None:
    found, inbox = await waits(bench, queue, lambda lease, tag: lease.reject(tag))
    for wait, least in zip(found, [LEAST, 2 * LEAST, MOST, MOST], strict=True):
        assert wait >= least - 1
    counts = [message.properties.headers.get("x-delivery-count", 0) for _, message in inbox.arrived]
    assert counts == [0, 1, 2, 3, 4]


async def test_a_nack_is_neither(bench: Bench, queue: str) -> None:
    found, inbox = await waits(bench, queue, lambda lease, tag: lease.nack(tag, multiple=False))
    assert min(found) < LEAST
    assert all("x-delivery-count" not in message.properties.headers for _, message in inbox.arrived)
    assert all(message.redelivered for _, message in inbox.arrived[1:])
