"""Publish some orders, each confirmed by the broker: `python -m examples.orders.publish 200`.

The address is that of `LASTCALL_AMQP_URL`; a worker must have run once, since it declares the queue.
"""

import asyncio
import json
import os
import random
import sys
import uuid

import aio_pika

QUEUE = "orders"


def order() -> aio_pika.Message:
    number = uuid.uuid4().hex
    body = {"id": number, "cents": random.randint(100, 20_000), "email": f"{number[:8]}@example.com"}
    return aio_pika.Message(
        json.dumps(body).encode(),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=f"order-{number}",  # the worker's idempotency key
    )


async def publish(count: int) -> None:
    url = os.environ.get("LASTCALL_AMQP_URL", "amqp://guest:guest@localhost:5672/")
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        for _ in range(count):
            await channel.default_exchange.publish(order(), routing_key=QUEUE, mandatory=True)
    print(f"{count} orders published and confirmed")


if __name__ == "__main__":
    asyncio.run(publish(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
