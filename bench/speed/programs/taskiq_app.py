"""taskiq with taskiq-aio-pika: `taskiq worker taskiq_app:broker`, one process, ack when the task has been executed."""

import asyncio
import sys

import marks
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue, QueueType

broker = AioPikaBroker(marks.URL, qos=marks.PREFETCH, exchange=Exchange(name=marks.QUEUE + ".x"))
broker = broker.with_queue(Queue(name=marks.QUEUE, type=QueueType.CLASSIC, routing_key=marks.QUEUE, durable=True))


@broker.task
async def charge(id: str, cents: int, note: str) -> None:  # noqa: A002
    marks.passed()


async def fill() -> None:
    await broker.startup()
    for _ in range(marks.COUNT):
        await charge.kiq(**marks.BODY)
    await broker.shutdown()


if sys.argv[-1] == "fill":
    asyncio.run(fill())
