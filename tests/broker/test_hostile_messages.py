"""Whatever comes, the worker neither crashes nor stalls: every message is completed or parked, its body untouched.

HOSTILE_MESSAGES=10000 for a longer look (`make test-matrix`), HOSTILE_SEED=… for other messages.
"""

import asyncio
import logging
import os
import resource
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from typing import Literal

import aiormq
import pytest
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.header import ContentHeader

from consumer import Worker
from consumer.broker.amqp.convert import message_in, properties_for
from consumer.core.delivery import Message, Outgoing, Properties
from consumer.core.outcome import Parked
from consumer.core.parking import bare_copy
from tests.broker.hostile import Hostile, hostile_messages
from tests.broker.hostile_properties import Encoded, long, nested, short
from tests.broker.hostile_worker import QUEUES, Tally, digest, fresh_worker
from tests.broker.live import Live

NUMBER = int(os.environ.get("HOSTILE_MESSAGES", "800"))
SEED = int(os.environ.get("HOSTILE_SEED", "20261122"))
PATIENCE = 60 + NUMBER / 40
"""Seconds until the last message must be settled."""
MOST_MEMORY = 400
"""MiB that the process may grow by: all bodies together, sent and received, and 16 MiB held a few times over."""


def test_a_forged_origin_that_no_frame_could_have_carried_is_not_believed_so_that_a_bare_copy_always_fits() -> None:
    forged = {"x-lastcall-copy": 1, "x-lastcall-exchange": "x" * 130_000, "x-lastcall-routing-key": "paid"}
    message = Message(b"", "orders", "shop", "paid", properties=Properties(headers=forged))
    copy = bare_copy(message, "orders.parked", Parked("why"), 1, "now", "too large")
    assert message.origin == ("shop", "paid")
    assert properties_for(copy, largest=131_072).headers


@pytest.mark.parametrize("depth", range(440, 520, 4))
def test_headers_nested_so_deep_that_they_can_be_read_and_not_sent_again_are_a_permanent_refusal(depth: int) -> None:
    encoded = Encoded({"headers": long(short(b"k") + nested(b"F", depth))})
    properties = message_in(ContentHeader(properties=encoded).marshal(), b"", "orders").properties
    with suppress(ValueError):
        properties_for(Outgoing(b"", "orders", properties=properties), largest=131_072)


@pytest.mark.broker
@pytest.mark.parametrize("transport", ["fast", "plain"])
async def test_every_hostile_message_is_completed_or_parked(
    live: Live, transport: Literal["fast", "plain"], caplog: pytest.LogCaptureFixture
) -> None:
    print(f"HOSTILE_MESSAGES={NUMBER} HOSTILE_SEED={SEED}")
    messages = hostile_messages(NUMBER, SEED)
    if transport == "plain":  # aiormq's reader ends the connection at what it can't decode, before any code of ours
        messages = tuple(each for each in messages if each.properties.readable)
    tally, before = Tally(len(messages)), peak_memory()
    worker = fresh_worker(live, tally, transport)
    caplog.set_level(logging.INFO)
    async with asyncio.timeout(PATIENCE), serving(worker), raw_channel(live) as channel:
        await publish(live, channel, messages)
        await tally.all_settled.wait()
        set_aside = await bodies_in_parking(live, channel, tally)
    assert worker.report is not None
    assert worker.report.exit_code == 0
    assert tally.trouble == []
    assert tally.seen + set_aside == Counter(digest(each.body) for each in messages)
    assert all(tally.completed[live.name(queue)] and tally.parked[live.name(queue)] for queue in QUEUES)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert "Traceback" not in caplog.text
    assert peak_memory() - before < MOST_MEMORY
    for queue in QUEUES:
        assert await live.depth(queue) == await live.depth(f"{queue}.parked") == 0


@asynccontextmanager
async def serving(worker: Worker) -> AsyncIterator[None]:
    """The worker consumes inside the block, and is drained after it."""
    begun = asyncio.Event()
    worker.observe(lambda event: begun.set() if event.name == "consuming" else None)
    task = asyncio.create_task(worker.serve())
    task.add_done_callback(lambda _: begun.set())
    try:
        await begun.wait()
        if task.done():
            await task
        yield
        worker.stop()
        await task
    finally:
        worker.stop_now("the test is over")
        await asyncio.wait({task})


@asynccontextmanager
async def raw_channel(live: Live) -> AsyncIterator[AbstractChannel]:
    connection = await aiormq.connect(live.url)
    try:
        yield await connection.channel(publisher_confirms=True)
    finally:
        await connection.close()


async def publish(live: Live, channel: AbstractChannel, messages: Sequence[Hostile]) -> None:
    """To the four queues in turn, through exchanges, for the routing keys' sake; returns when all are confirmed."""
    live.name("bytes.retry.1s")  # to be deleted afterwards, too
    for queue in QUEUES:
        await live.bind(queue, f"to-{queue}")
    await asyncio.gather(
        *(
            channel.basic_publish(
                message.body,
                exchange=live.name(f"to-{queue}"),
                routing_key=message.routing_key,
                properties=message.properties,
            )
            for message, queue in zip(messages, cycle(QUEUES), strict=False)
        )
    )
    for queue in QUEUES:
        await live.delete_exchange(f"to-{queue}")


async def bodies_in_parking(live: Live, channel: AbstractChannel, tally: Tally) -> Counter[bytes]:
    """Takes out as many as were parked; none may be left then."""
    found: Counter[bytes] = Counter()
    complete, number = asyncio.Event(), tally.parked.total()

    async def take(message: DeliveredMessage) -> None:
        found[digest(message.body)] += 1
        if found.total() == number:
            complete.set()

    for queue in QUEUES:
        await channel.basic_consume(live.name(f"{queue}.parked"), take, no_ack=True)
    await complete.wait()
    return found


def peak_memory() -> float:
    """MiB that this process has had at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
