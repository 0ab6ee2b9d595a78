"""aio-pika as documented: connect_robust, a callback with `process()`; it makes a task per message."""

import asyncio
import json
import sys

import aio_pika
import marks


async def handle(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    async with message.process():
        json.loads(message.body)
        marks.passed()


async def main() -> None:
    connection = await aio_pika.connect_robust(marks.URL)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=marks.PREFETCH)
    queue = await channel.get_queue(marks.QUEUE)
    await queue.consume(handle)
    await asyncio.Event().wait()


if sys.argv[1:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
