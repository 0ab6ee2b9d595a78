"""The broker of the comparison: a container of its own, kept off the consumers' core, and the queue in it.

May know: the docker command, aio-pika to fill a queue. May not know: who consumes.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aio_pika

IMAGE = os.environ.get("LASTCALL_BROKER_IMAGE", "rabbitmq:4.0-management")


@dataclass(frozen=True)
class Broker:
    """Where it is, and the process whose CPU time is the broker's."""

    url: str
    pid: int
    version: str


@contextmanager
def broker(core: int) -> Iterator[Broker]:
    """One that runs on this core alone; gone at the end."""
    name = f"lastcall-bench-{os.getpid()}"
    user = ["-e", "RABBITMQ_DEFAULT_USER=bench", "-e", "RABBITMQ_DEFAULT_PASS=bench"]
    _docker("run", "-d", "--rm", "--name", name, "--cpuset-cpus", str(core), *user, IMAGE)
    try:
        where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = _docker("inspect", "-f", where, name).strip()  # a published port would lead through a proxy process
        url = f"amqp://bench:bench@{address}"
        version = asyncio.run(_ready(url))
        processes = [line.split(None, 1) for line in _docker("top", name, "-eo", "pid,comm").splitlines()[1:]]
        [pid] = [int(pid) for pid, command in processes if "beam" in command]
        yield Broker(url, pid, version)
    finally:
        _docker("rm", "-f", name)


def fill(url: str, queue: str, body: bytes, count: int) -> None:
    """The queue, with so many messages in it."""
    asyncio.run(_fill(url, queue, body, count))


def delete(url: str, queue: str) -> None:
    """The queue is gone, if it was there."""
    asyncio.run(_fill(url, queue, b"", 0))


async def _fill(url: str, queue: str, body: bytes, count: int) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.queue_delete(queue, if_unused=False, if_empty=False)
        if not count:
            return
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "classic"})
        for number in range(count):
            message = aio_pika.Message(body, content_type="application/json", message_id=f"message-{number}")
            await channel.default_exchange.publish(message, queue)
    await _until_it_holds(url, queue, count)


async def _until_it_holds(url: str, queue: str, count: int) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        deadline = time.monotonic() + 60
        while (await channel.declare_queue(queue, passive=True)).declaration_result.message_count != count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{queue} does not hold its {count} messages")
            await asyncio.sleep(0.05)


async def _ready(url: str) -> str:
    deadline = time.monotonic() + 90
    while True:
        try:
            async with await aio_pika.connect(url) as connection:
                return str(connection.transport.connection.server_properties["version"])  # type: ignore[union-attr]
        except (ConnectionError, OSError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"docker {words[0]} failed: {done.stderr.strip()}")
    return done.stdout
