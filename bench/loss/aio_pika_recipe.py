"""The usual consumer, as aio-pika's documentation has it, told to stop by SIGTERM: what the figures are compared with.

    python -m bench.loss.aio_pika_recipe URL QUEUE EVENTS

A robust connection, `async with message.process()`, one message worked at a time, and on SIGTERM the connection is
closed (https://docs.aio-pika.com/quick-start.html, "Asynchronous message processing"). It writes down, in the form of
our workers' event streams, which messages it received and which it began to work.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage


async def main(url: str, queue_name: str, events: Path) -> None:
    one_at_a_time = asyncio.Semaphore(1)

    def note(event: str, message_id: str | None = None) -> None:
        line = {"event": event, "monotonic": time.monotonic(), "pid": os.getpid(), "message_id": message_id}
        with events.open("a") as file:
            file.write(json.dumps(line) + "\n")

    async def process_message(message: AbstractIncomingMessage) -> None:
        note("received", message.message_id)
        async with one_at_a_time, message.process():
            note("started", message.message_id)
            await asyncio.sleep(3600)

    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=40)
    queue = await channel.get_queue(queue_name)
    await queue.consume(process_message)
    note("consuming")
    try:
        await asyncio.Future()
    except asyncio.CancelledError:
        pass  # SIGTERM
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
