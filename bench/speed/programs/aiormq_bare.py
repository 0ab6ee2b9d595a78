"""aiormq alone: no decoding, no task, an ack in the callback. `single`: one a message; `coalesced`: one a 50."""

import asyncio
import sys

import aiormq
import marks
import uvloop

EVERY = 1 if sys.argv[1] == "single" else 50


async def main() -> None:
    connection = await aiormq.connect(marks.URL)
    channel = await connection.channel()
    await channel.basic_qos(prefetch_count=marks.PREFETCH)

    async def handle(message: aiormq.abc.DeliveredMessage) -> None:
        tag = message.delivery.delivery_tag
        if tag % EVERY == 0:
            await channel.basic_ack(tag, multiple=EVERY > 1, wait=False)
        marks.passed()

    await channel.basic_consume(marks.QUEUE, handle)
    await asyncio.Event().wait()


uvloop.run(main())
