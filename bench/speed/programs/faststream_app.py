"""FastStream as documented: `faststream run faststream_app:app`, a pydantic model, ack when it ends."""

import marks
from faststream import FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from pydantic import BaseModel


class Order(BaseModel):
    id: str
    cents: int
    note: str


broker = RabbitBroker(marks.URL, default_channel=Channel(prefetch_count=marks.PREFETCH), logger=None)
app = FastStream(broker)


@broker.subscriber(RabbitQueue(marks.QUEUE, declare=False))
async def charge(order: Order) -> None:
    marks.passed()
