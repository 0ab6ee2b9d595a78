"""The messages of a test on the real broker: published with confirms, counted, and deleted with their queues.

May know: the package's own publisher and queue tools, one queue. May not know: workers.
"""

import asyncio
import json
from collections.abc import Sequence

from consumer.broker.amqp import AmqpBroker
from consumer.broker.port import Tls
from consumer.core.delivery import Outgoing, Properties
from consumer.core.queue import Queue

PATIENCE = 20.0
TICK = 0.05
"""Seconds between two looks at a queue: AMQP tells nobody when its length changes."""


class Jobs:
    """The queue `jobs` under the test's prefix."""

    def __init__(self, url: str, prefix: str) -> None:
        self.queue = Queue("jobs").prefixed(prefix)
        self._broker = AmqpBroker([url], name="lastcall tests", heartbeat=60, tls=Tls())
        self._publisher = self._broker.publisher()
        self._tools = self._broker.tools()
        self._published = 0

    async def declare(self) -> None:
        """As a worker would, so that messages can be there before it."""
        connection = await self._broker.connect()
        await connection.prepare(self.queue)
        await connection.close()

    async def publish(self, count: int, do: str) -> list[str]:
        """So many jobs that make the handler do this (see workers.py); their message ids, in order."""
        first = self._published + 1
        self._published += count
        ids = [f"job-{number:04}" for number in range(first, first + count)]
        await self.publish_as(ids, do)
        return ids

    async def publish_as(self, ids: Sequence[str], do: str) -> None:
        """The same under these message ids."""
        body = json.dumps({"do": do}).encode()
        properties = [Properties(message_id=each, content_type="application/json") for each in ids]
        messages = [Outgoing(body, self.queue.name, properties=each) for each in properties]
        await asyncio.gather(*map(self._publisher.publish, messages))

    async def ready(self) -> int:
        """How many wait in the queue, with no worker."""
        return await self._tools.depth(self.queue.name) or 0

    async def until_ready(self, count: int) -> None:
        """Return once so many wait there: the broker has taken in acks and nacks when its disk has them, not before."""
        async with asyncio.timeout(PATIENCE):
            while await self.ready() != count:  # noqa: ASYNC110 - no event tells it, see TICK
                await asyncio.sleep(TICK)

    async def parked(self) -> int:
        """How many were set aside."""
        return await self._tools.depth(self.queue.parking) or 0

    async def delete(self) -> None:
        """Delete the queue, as an operator might while workers consume it."""
        await self._tools.delete(self.queue.name)

    async def hang_up(self) -> None:
        """Close the test's own connections, so that no fault finds them; they are opened again when needed."""
        await self._tools.close()
        await self._publisher.close()

    async def close(self) -> None:
        """Delete the queue and its parking queue."""
        for name in (self.queue.name, self.queue.parking):
            await self._tools.delete(name)
        await self.hang_up()
