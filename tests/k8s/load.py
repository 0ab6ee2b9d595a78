"""Jobs for the pods, and what their journal says became of each.

May know: AMQP, the journal's lines. May not know: pods, Kubernetes.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from consumer.core.queue import PARKING_DECLARATION, Queue

PATIENCE = 120.0
"""Seconds to wait for what must come, on a machine that runs a cluster beside it."""
AT_ONCE = 250
"""Messages that a steady load keeps in the queue and in the pods together."""
PUBLISHERS = 8


class Load:
    """The queue `jobs` under a prefix, and its journal."""

    def __init__(self, channel: AbstractChannel, queue: Queue) -> None:
        self.published: set[str] = set()
        self.started: Counter[str] = Counter()
        self.completed: Counter[str] = Counter()
        self.pods: dict[str, str] = {}
        self._channel = channel
        self._queue = queue
        self._numbers = count(1)
        self._news = asyncio.Condition()
        self._room = asyncio.Semaphore(AT_ONCE)

    @classmethod
    @asynccontextmanager
    async def on(cls, url: str, prefix: str) -> AsyncIterator[Self]:
        """Declare the queues as a worker would, and follow the journal for as long as the block lasts."""
        queue = Queue("jobs").prefixed(prefix)
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel(on_return_raises=True)
            declarations: dict[str, Any] = {queue.parking: PARKING_DECLARATION, queue.name: queue.declaration}
            for name, arguments in declarations.items():
                await channel.declare_queue(name, durable=True, arguments=dict(arguments))
            journal = await channel.declare_queue(f"{queue.name}.journal", durable=True)
            load = cls(channel, queue)
            await journal.consume(load._read, no_ack=True)
            try:
                yield load
            finally:
                for name in (queue.name, queue.parking, journal.name):
                    await channel.queue_delete(name)

    @property
    def lost(self) -> set[str]:
        """Published, and not completed."""
        return self.published - set(self.completed)

    @property
    def run_twice(self) -> set[str]:
        """Started more than once, wherever."""
        return {each for each, times in self.started.items() if times > 1}

    async def publish(self, *, seconds: float, stop: bool = False) -> str:
        """One job, confirmed; its message id."""
        message_id = f"job-{next(self._numbers):06}"
        body = json.dumps({"seconds": seconds, "stop": stop}).encode()
        message = aio_pika.Message(
            body, message_id=message_id, content_type="application/json", delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await self._channel.default_exchange.publish(message, routing_key=self._queue.name, mandatory=True)
        self.published.add(message_id)
        return message_id

    @asynccontextmanager
    async def steady(self, messages: int = 0) -> AsyncIterator[None]:
        """As many jobs as AT_ONCE at any time while the block lasts, and then until so many were published.

        When this returns, all of them are completed.
        """
        enough = asyncio.Event()

        async def publishing() -> None:
            while not enough.is_set() or len(self.published) < messages:
                await self._room.acquire()
                await self.publish(seconds=random.uniform(0.02, 0.3))

        async with asyncio.TaskGroup() as publishers:
            for _ in range(PUBLISHERS):
                publishers.create_task(publishing())
            await self.until(lambda: len(self.completed) > AT_ONCE)  # it flows
            yield
            enough.set()
        await self.until(lambda: not self.lost)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the journal makes it true; fail when nothing is written any more."""
        async with self._news:
            while not condition():
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._news.wait()
                except TimeoutError:
                    told = f"{len(self.published)} published, {len(self.completed)} completed"
                    raise AssertionError(f"the pods told nothing more for {PATIENCE:.0f} s: {told}") from None

    async def _read(self, message: AbstractIncomingMessage) -> None:
        line = json.loads(message.body)
        message_id = line["message_id"]
        if line["event"] == "started":
            self.started[message_id] += 1
            self.pods[message_id] = line["pod"]
        else:
            self.completed[message_id] += 1
            self._room.release()
        async with self._news:
            self._news.notify_all()
