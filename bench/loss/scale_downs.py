"""Scale-downs in a row: 40 messages prefetched, one in work that doesn't end, SIGTERM; how many are gone after each.

May know: worker processes, queues' depths. May not know: how brokers are started.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.loss.brokers import NEW, OLD, Node, one_broker
from bench.loss.options import Options
from bench.loss.queues import channel, depth, sender, taken_out
from bench.loss.rows import Row
from consumer.testing.drill.journal import Journal

MESSAGES = 40
PATIENCE = 60.0
"""Seconds for a worker to receive what is there, and to leave."""
LOOK = 0.05
"""Seconds between two looks at a queue."""
QUIET_LOOKS = 6
"""So many looks in a row must show the same before a queue is believed to have taken everything back."""


@dataclass(frozen=True, slots=True)
class Side:
    """Who is scaled down, on which kind of queue."""

    name: str
    queue: str
    declared_by_others: bool
    is_ours: bool


RECIPE = Side("aio-pika recipe, queue with default arguments", "recipe.load", True, False)
OURS = Side("lastcall, queue that it declares", "ours.load", False, True)
FOREIGN = Side("lastcall, queue with default arguments", "foreign.load", True, True)


async def scale_downs(options: Options) -> AsyncIterator[Row]:
    """The rows, for the new broker and the old one."""
    for image in (NEW, OLD):
        async with one_broker(image) as node:
            version = await node.version()
            for side in (RECIPE, OURS, FOREIGN):
                yield await _row(node, version, side, options)


async def _row(node: Node, version: str, side: Side, options: Options) -> Row:
    began, rounds = time.monotonic(), options.scaled(options.rounds)
    counts: list[int] = []
    started: set[str] = set()
    if side.declared_by_others:
        async with channel(node.url) as way_in:
            await way_in.queue_declare(side.queue, durable=True, arguments={"x-queue-type": "quorum"})
    command = _command(side, node, options.folder / "events.jsonl")
    for number in range(rounds):
        counts.append(await _scale_down(node, side, command, options.folder, started, fill=not number))
        options.tell(f"{version}: {side.name}: {counts[-1]} of {MESSAGES} left", number + 1, rounds)
        if not counts[-1]:
            break
    left = [*await taken_out(side.queue, node.url), *await _parked(side, node)]
    gone = {f"m-{number}" for number in range(MESSAGES)} - set(left)
    return Row(
        f"RabbitMQ {version}, {rounds} scale-downs, {MESSAGES} prefetched, one in work: {side.name}: gone",
        f"0 of {MESSAGES}" if side.is_ours else "",
        f"{len(gone)} of {MESSAGES} after {len(counts)} ({len(gone - started)} never started)",
        not gone if side.is_ours else None,
        options.command("scale-downs"),
        time.monotonic() - began,
        {
            "left_after_each": counts,
            "copies_too_many": len(left) - len(set(left)),
        },
    )


async def _parked(side: Side, node: Node) -> list[str]:
    """Messages that were set aside are not gone."""
    return await taken_out(f"{side.queue}.parked", node.url) if side.is_ours else []


def _command(side: Side, node: Node, events: Path) -> Sequence[str]:
    if side.is_ours:
        return ("-m", "consumer", "run", "bench.loss.workers:endless", f"--events={events}", "--log-level=error")
    return ("-m", "bench.loss.aio_pika_recipe", node.url, side.queue, str(events))


async def _scale_down(
    node: Node, side: Side, command: Sequence[str], folder: Path, started: set[str], *, fill: bool
) -> int:
    """One worker's life: it gets all that is there, is told to stop, and leaves. How many messages are left then."""
    environment = os.environ | {
        "LASTCALL_AMQP_URL": node.url,
        "LASTCALL_QUEUE_PREFIX": side.queue.removesuffix("load"),
        "LASTCALL_DRAIN_TIMEOUT": "0.2",
    }
    expected = MESSAGES if fill else min(MESSAGES, await depth(side.queue, node.url))
    with Journal(folder / "events.jsonl") as journal, (folder / "worker.log").open("ab") as log:
        seen: Counter[str] = Counter()
        child = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment, stdout=log, stderr=log)
        try:
            await _told(journal, seen, started, "consuming", 1)
            if fill:
                async with sender(node.url, queue=side.queue) as fresh:
                    await asyncio.gather(*(fresh.send(f"m-{number}") for number in range(MESSAGES)))
            await _told(journal, seen, started, "received", expected)
            child.terminate()
            await asyncio.wait_for(child.wait(), PATIENCE)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        _read(journal, seen, started)
    return await _settled_depth(side.queue, node)


async def _told(journal: Journal, seen: Counter[str], started: set[str], event: str, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while seen[event] < count:
            _read(journal, seen, started)
            await asyncio.sleep(LOOK)


def _read(journal: Journal, seen: Counter[str], started: set[str]) -> None:
    records = journal.read_new()
    seen.update(record.event for record in records)
    started.update(record.message_id for record in records if record.event == "started" and record.message_id)


async def _settled_depth(queue: str, node: Node) -> int:
    """The depth, once it has been the same for some looks: what a connection held comes back a little later."""
    looks: list[int] = []
    while len(looks) < QUIET_LOOKS or len(set(looks[-QUIET_LOOKS:])) > 1:
        looks.append(await depth(queue, node.url))
        await asyncio.sleep(LOOK)
    return looks[-1]
