"""With a single active consumer drain and quiet keep the order: the next worker begins when this handler has ended."""

import asyncio

import pytest
from pamqp import commands as spec

from consumer import Delivery, Queue
from tests.broker.live import Live, LiveWorker

pytestmark = pytest.mark.broker


IN_ORDER = ["A starts 0", "A ends 0", "B starts 1", "B ends 1", "B starts 2", "B ends 2"]


def worker(live: Live, name: str, story: list[str], may_end: asyncio.Event) -> LiveWorker:
    """It tells its story; the handler of the first message waits."""
    made = live.worker(concurrency=4, prefetch=10)

    @made.worker.handler(Queue("work", single_active_consumer=True))
    async def work(_body: bytes, delivery: Delivery) -> None:
        story.append(f"{name} starts {delivery.message_id}")
        if delivery.message_id == "0":
            await may_end.wait()
        story.append(f"{name} ends {delivery.message_id}")

    return made


async def test_the_next_message_starts_elsewhere_only_after_the_one_in_flight_has_ended(live: Live) -> None:
    story: list[str] = []
    may_end = asyncio.Event()
    first = await worker(live, "A", story, may_end).consuming()
    for number in range(3):
        await live.put("work", properties=spec.Basic.Properties(message_id=str(number)))
    await first.told("started")
    second = await worker(live, "B", story, may_end).consuming()
    assert await live.depth("work") == 2, "prefetch is 1, whatever the settings say"

    first.worker.stop()
    await first.told("drain_started")
    assert await live.depth("work") == 2, "handed over before the handler's end"
    assert story == ["A starts 0"]
    may_end.set()
    assert (await first.report()).exit_code == 0
    await second.told("settled", 2)
    assert story == IN_ORDER
    assert first.ids("settled") == ["0"]
    assert (await second.drained()).exit_code == 0
    assert await live.depth("work") == 0


async def test_a_worker_that_is_to_be_quiet_gives_its_place_up_only_then_too(live: Live) -> None:
    story: list[str] = []
    may_end = asyncio.Event()
    first = await worker(live, "A", story, may_end).consuming()
    for number in range(3):
        await live.put("work", properties=spec.Basic.Properties(message_id=str(number)))
    await first.told("started")
    second = await worker(live, "B", story, may_end).consuming()

    first.worker.quiet()
    may_end.set()
    await first.told("quieted")
    await second.told("settled", 2)
    assert story == IN_ORDER

    first.worker.resume()
    await first.told("consuming", 2)
    assert (await second.drained()).exit_code == 0
    await live.put("work", properties=spec.Basic.Properties(message_id="3"))
    await first.told("settled", 2)
    assert story[-1] == "A ends 3"
    assert (await first.drained()).exit_code == 0
