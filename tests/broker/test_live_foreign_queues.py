"""A queue of somebody else's with RabbitMQ's own delivery limit loses nothing by scale-downs: 25 of them in a row.

On 4.0 to 4.2 each return counts, and the 21st would delete what nobody ran; before and after those versions a nack
is free, or there is no limit.
"""

import asyncio

import pytest
from pamqp import commands as spec

from consumer import Delivery
from tests.broker.live import Live, LiveWorker

pytestmark = pytest.mark.broker

MESSAGES, SCALE_DOWNS = 6, 25


async def test_what_was_never_started_survives_every_scale_down(live: Live) -> None:
    await live.declare("foreign")
    for number in range(MESSAGES):
        await live.put("foreign", b"{}", spec.Basic.Properties(message_id=f"m{number}", delivery_mode=2))
    for _ in range(SCALE_DOWNS):
        await prefetched_and_drained(live)
    finisher, done = live.worker(), set[str | None]()

    @finisher.worker.handler("foreign")
    async def finish(delivery: Delivery) -> None:
        done.add(delivery.message_id)

    await finisher.consuming()
    await finisher.told("settled", MESSAGES)
    assert done == {f"m{number}" for number in range(MESSAGES)}
    await finisher.drained()
    assert (await live.depth("foreign"), await live.depth("foreign.parked")) == (0, 0)


async def prefetched_and_drained(live: Live) -> None:
    """A worker takes all of them, is busy with one, and is scaled down; the one goes back, as the others do."""
    made: LiveWorker = live.worker(drain_timeout=5)

    @made.worker.handler("foreign", concurrency=1, prefetch=MESSAGES)
    async def work(delivery: Delivery) -> None:
        await delivery.draining
        made.worker.stop_now("the test hurries")
        await asyncio.Event().wait()

    await made.consuming()
    await made.told("received", MESSAGES)
    assert (await made.drained()).exit_code in {3, 4}
