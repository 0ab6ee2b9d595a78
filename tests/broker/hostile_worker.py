"""A worker for hostile messages: four queues, each with another payload type, and handlers of which some fail.

May know: the package's public face. May not know: what the messages are.
"""

import asyncio
from collections import Counter
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

from consumer import Delivery, Park, RetryPolicy, Settings, Worker
from consumer.core.events import Event
from tests.broker.live import Live

QUEUES = ("model", "dict", "text", "bytes")
TROUBLE = {"connection_lost", "channel_lost", "requeued", "lease_lost", "defect"}


class Line(BaseModel):
    sku: str
    count: int = 1


class Order(BaseModel):
    id: str
    cents: int
    lines: list[Line] = []


class Tally:
    """What the worker has told, and which bodies its handlers got to see."""

    def __init__(self, expected: int) -> None:
        self.completed: Counter[str | None] = Counter()
        self.parked: Counter[str | None] = Counter()
        self.trouble: list[Event] = []
        self.seen: Counter[bytes] = Counter()
        self.all_settled = asyncio.Event()
        self._expected = expected

    def note(self, event: Event) -> None:
        match event.name:
            case "settled" if event.data["outcome"] == "completed":
                self.completed[event.queue] += 1
            case "settled" if event.data["outcome"] == "parked":
                self.parked[event.queue] += 1
            case "connection_lost" | "channel_lost" | "requeued" | "lease_lost" | "defect" if (
                not self.all_settled.is_set()
            ):
                self.trouble.append(event)
        if self.completed.total() + self.parked.total() == self._expected:
            self.all_settled.set()


def fresh_worker(live: Live, tally: Tally, transport: str) -> Worker:
    settings = Settings.load(
        amqp_url=live.url, queue_prefix=live.name(""), transport=transport, concurrency=25, prefetch=50
    )
    worker = Worker(settings)
    worker.observe(tally.note)

    @worker.handler("model")
    async def take_model(order: Order, delivery: Delivery) -> None:
        tally.seen[digest(delivery.body)] += 1

    @worker.handler("dict")
    async def take_dict(order: dict[str, Any], delivery: Delivery) -> None:
        tally.seen[digest(delivery.body)] += 1

    @worker.handler("text", retry=RetryPolicy(attempts=3, first_wait=0.001))
    def take_text(text: str, delivery: Delivery) -> None:
        if len(text) % 2:
            raise ValueError(f"{text} {delivery.headers!r}")
        tally.seen[digest(delivery.body)] += 1

    @worker.handler("bytes", retry=RetryPolicy(attempts=3, first_wait=0.001, in_place=0))
    async def take_bytes(body: bytes, delivery: Delivery) -> None:
        match len(body) % 3:
            case 0:
                raise Park(body.decode("utf-8", "surrogateescape"))
            case 1:
                raise ValueError(body)
        tally.seen[digest(body)] += 1

    return worker


def digest(body: bytes) -> bytes:
    return sha256(body).digest()
