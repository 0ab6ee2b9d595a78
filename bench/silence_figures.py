"""How soon a silent partition is noticed: this worker and bare aio-pika, connected to one broker that falls silent.

    python -m bench.silence_figures [--rounds 5] [--heartbeat 4]

Needs a Docker engine, root and iptables. The moment of the fault is random within a heartbeat; every client meets the
same one.
"""

import argparse
import asyncio
import logging
import random
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from uuid import uuid4

import aio_pika
import docker
from docker.models.containers import Container
from rich.console import Console
from rich.table import Table

from consumer import Settings, Worker
from consumer.broker.amqp import AmqpBroker
from consumer.broker.port import Tls
from consumer.broker.reconnect import connect
from consumer.core.events import Event

IMAGE = "rabbitmq:4-management"
PATIENCE = 60.0
"""Seconds to wait for the slowest client."""
QUIET = logging.CRITICAL + 1

Lost = dict[str, float]
"""When each client told that its connection was gone (monotonic seconds)."""


@contextmanager
def broker() -> Iterator[Container]:
    """A RabbitMQ of our own."""
    user = {"RABBITMQ_DEFAULT_USER": "u", "RABBITMQ_DEFAULT_PASS": "p"}
    container = docker.from_env().containers.run(
        IMAGE, name=f"silence-{uuid4().hex[:8]}", environment=user, detach=True
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def address(container: Container) -> str:
    """On the bridge, so that nothing stands between us and the broker."""
    container.reload()
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


@contextmanager
def paused(container: Container) -> Iterator[None]:
    """The broker's processes stand still; its kernel still answers."""
    container.pause()
    try:
        yield
    finally:
        container.unpause()


@contextmanager
def packets_dropped(container: Container) -> Iterator[None]:
    """Nothing reaches the broker or comes from it, and nobody is told."""
    rules = [["OUTPUT", "-d", address(container)], ["INPUT", "-s", address(container)]]
    for rule in rules:
        subprocess.run(["iptables", "-w", "-I", *rule, "-j", "DROP"], check=True)
    try:
        yield
    finally:
        for rule in rules:
            subprocess.run(["iptables", "-w", "-D", *rule, "-j", "DROP"], check=True)


@asynccontextmanager
async def our_worker(url: str, heartbeat: int, lost: Callable[[], None]) -> AsyncIterator[None]:
    worker, consuming = Worker(Settings.load(amqp_url=url, heartbeat=heartbeat)), asyncio.Event()

    @worker.handler("silence")
    async def work(_body: bytes) -> None: ...

    @worker.observe
    def note(event: Event) -> None:
        if event.name == "consuming":
            consuming.set()
        elif event.name == "connection_lost":
            lost()
            worker.stop()

    serving = asyncio.create_task(worker.serve())
    await consuming.wait()
    yield
    worker.stop()
    await serving


@asynccontextmanager
async def aio_pikas(
    connection: Awaitable[aio_pika.abc.AbstractConnection], lost: Callable[[], None]
) -> AsyncIterator[None]:
    opened = await connection
    channel = await opened.channel()
    queue = await channel.declare_queue("bare", durable=True)
    await queue.consume(lambda _message: asyncio.sleep(0))
    opened.close_callbacks.add(lambda *_: lost())
    yield
    await opened.close()


async def one_round(url: str, heartbeat: int, fault: AbstractContextManager[None]) -> Lost:
    """Seconds from the fault until each client has told."""
    told: Lost = {}
    all_told = asyncio.Event()

    def note(client: str) -> Callable[[], None]:
        def lost() -> None:
            told.setdefault(client, time.monotonic())
            if len(told) == 3:
                all_told.set()

        return lost

    bare = f"{url}?heartbeat={heartbeat}"
    async with (
        our_worker(url, heartbeat, note("this worker")),
        aio_pikas(aio_pika.connect(bare), note("aio-pika connect")),
        aio_pikas(aio_pika.connect_robust(bare), note("aio-pika connect_robust")),
    ):
        await asyncio.sleep(heartbeat + random.uniform(0, heartbeat))
        with fault:
            since = time.monotonic()
            await asyncio.wait_for(all_told.wait(), PATIENCE)
    return {client: at - since for client, at in told.items()}


async def measure(rounds: int, heartbeat: int, say: Callable[[str], None]) -> dict[tuple[str, str], list[float]]:
    figures: dict[tuple[str, str], list[float]] = {}
    with broker() as container:
        url = f"amqp://u:p@{address(container)}/"
        port = AmqpBroker([url], name="bench", heartbeat=15, tls=Tls())
        await (await connect(port, timeout=90, retry_refusals=True, report=lambda *_: None)).close()
        for number in range(rounds):
            for name, fault in (("docker pause", paused), ("iptables DROP", packets_dropped)):
                say(f"round {number + 1} of {rounds}: {name}")
                for client, seconds in (await one_round(url, heartbeat, fault(container))).items():
                    figures.setdefault((name, client), []).append(seconds)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--heartbeat", type=int, default=4)
    options = parser.parse_args()
    for library in ("aio_pika", "aiormq", "lastcall"):
        logging.getLogger(library).setLevel(QUIET)
    figures = asyncio.run(measure(options.rounds, options.heartbeat, Console(stderr=True).print))
    title = f"seconds until a lost connection is told, heartbeat {options.heartbeat} s, {options.rounds} rounds"
    table = Table("fault", "client", "best", "median", "worst", title=title)
    for (fault, client), values in sorted(figures.items()):
        table.add_row(fault, client, f"{min(values):.1f}", f"{statistics.median(values):.1f}", f"{max(values):.1f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
