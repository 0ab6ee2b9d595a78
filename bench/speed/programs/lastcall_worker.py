"""The whole of this worker: typed payload, concurrency bound, ledger, coalesced acks, drain."""

import marks
from pydantic import BaseModel

from consumer import Worker


class Order(BaseModel):
    id: str
    cents: int
    note: str


worker = Worker()


@worker.handler(marks.QUEUE, concurrency=marks.PREFETCH, prefetch=marks.PREFETCH)
async def charge(order: Order) -> None:
    marks.passed()
