"""Headers that can be read and not sent again: such a message is parked all the same, and harms no other publish."""

import asyncio
import struct

import pytest
from aio_pika import Connection
from pamqp import commands as spec
from pamqp.encode import short_string

from consumer import Delivery
from consumer.broker.amqp.publisher import AmqpPublisher
from consumer.core.delivery import Outgoing, Properties
from consumer.errors import PublishFailed
from tests.broker.live import Live

pytestmark = pytest.mark.broker

FRAME_MAX = 131_072
"""Bytes: RabbitMQ's default."""


class OneHeader(spec.Basic.Properties):
    """A message id and one header, given as it stands in the frame; pamqp would not send it."""

    def __init__(self, encoded: bytes) -> None:
        super().__init__(message_id="odd", headers={})
        self._encoded = encoded

    def marshal(self) -> bytes:
        flags = self.flags["headers"] | self.flags["message_id"]
        field = short_string("k") + self._encoded
        return struct.pack(">HI", flags, len(field)) + field + short_string("odd")


def long_string(content: bytes) -> bytes:
    return b"S" + struct.pack(">I", len(content)) + content


TOO_LARGE_WITH_OUR_STORY = long_string(b"x" * (FRAME_MAX - 300))
BEYOND_A_FLOAT = b"d" + struct.pack(">d", 1e300)
NO_UTF8 = long_string(b"\xff\xfe")


@pytest.mark.parametrize(
    ("encoded", "left_out"),
    [
        pytest.param(NO_UTF8, False, id="text that is no UTF-8"),
        pytest.param(BEYOND_A_FLOAT, True, id="a double beyond a float's range"),
        pytest.param(TOO_LARGE_WITH_OUR_STORY, True, id="too large with our story"),
    ],
)
async def test_such_a_message_is_parked_and_its_neighbours_publishes_go_on(
    live: Live, encoded: bytes, left_out: bool
) -> None:
    worker = live.worker(concurrency=2)
    is_in, publishing = asyncio.Event(), asyncio.Event()

    @worker.worker.handler("work")
    async def work(_body: bytes, delivery: Delivery) -> None:
        if delivery.message_id == "odd":
            is_in.set()
            await publishing.wait()
            raise ValueError("broken")
        await is_in.wait()
        publishing.set()
        for _ in range(20):
            await delivery.publish(b"", routing_key=live.name("work.parked"))

    await worker.consuming()
    await live.put("work", properties=OneHeader(encoded))
    await live.put("work", properties=spec.Basic.Properties(message_id="even"))
    await worker.told("settled", 2)
    outcomes = {event.message_id: event.data["outcome"] for event in worker.of("settled")}
    assert outcomes == {"odd": "parked", "even": "completed"}
    assert worker.ids("started").count("odd") == 1
    assert await live.depth("work.parked") == 21
    headers = [(await live.take("work.parked")).headers or {} for _ in range(21)]
    (story,) = [each for each in headers if "x-lastcall-reason" in each]  # 3.10 adds a header of its own to others
    assert story["x-lastcall-reason"] == "ValueError: broken"
    assert ("x-lastcall-headers-left-out" in story, "k" in story) == (left_out, not left_out)
    assert (await worker.drained()).exit_code == 0


@pytest.mark.parametrize(
    "header", [1e300, "x" * FRAME_MAX, object(), "a\ud800b"], ids=["double", "too large", "an object", "a surrogate"]
)
async def test_a_publish_that_can_not_be_sent_fails_for_good_and_costs_neither_connection_nor_neighbours(
    live: Live, header: object
) -> None:
    opened = []

    async def open_connection() -> Connection:
        opened.append(await live.broker.open("lastcall test (publisher)"))
        return opened[-1]

    queue = live.name("work")
    await live.declare("work")
    publisher = AmqpPublisher(open_connection)
    bad = Outgoing(b"", queue, properties=Properties(message_id="bad", headers={"k": header}))
    messages = [bad if number == 5 else Outgoing(b"good", queue) for number in range(10)]
    async with asyncio.timeout(10):
        told = await asyncio.gather(*map(publisher.publish, messages), return_exceptions=True)
        failed = told.pop(5)
        assert isinstance(failed, PublishFailed)
        assert failed.permanent
        assert told == [None] * 9
        await publisher.publish(Outgoing(b"after", queue))
    assert len(opened) == 1
    assert not opened[0].is_closed
    assert await live.depth("work") == 10
    await publisher.close()
