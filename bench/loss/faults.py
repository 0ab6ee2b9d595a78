"""The rows in which a fault befalls workers under load, again and again.

May know: the load, brokers, the wire. May not know: how results are shown.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from bench.loss.brokers import NEW, Node, cluster, one_broker
from bench.loss.crew import Crew
from bench.loss.load import Plan, Result, under_load
from bench.loss.options import Options
from bench.loss.postgres import effects, postgres, programs
from bench.loss.rows import Row
from bench.loss.wire import wire_to


@dataclass(slots=True)
class AtKills:
    """Messages that workers had when they were killed."""

    in_flight: set[str] = field(default_factory=set)
    just_settled: set[str] = field(default_factory=set)


async def restarts(options: Options) -> AsyncIterator[Row]:
    """The broker is restarted."""
    began = time.monotonic()
    async with one_broker(NEW) as node:

        async def restart(crew: Crew) -> None:
            await node.restart()
            await crew.until("workers that consume again", crew.all_consume)

        plan = Plan("restarts", options.scaled(20_000), options.scaled(20), [node.url], node.url)
        result = await under_load(plan, options, restart)
        version = await node.version()
    what = f"RabbitMQ {version}, broker restarted {result.faults} times under load, {result.messages} messages"
    yield _lost(what, result, options.command("restarts"), began)


async def cuts(options: Options) -> AsyncIterator[Row]:
    """All connections of the workers are reset."""
    began = time.monotonic()
    async with one_broker(NEW) as node, wire_to(node.port) as wire:

        async def cut(crew: Crew) -> None:
            await crew.until("workers that consume again", crew.all_consume)
            crew.story.consuming.clear()
            wire.cut()

        way_round = node.url.replace(f":{node.port}/", f":{wire.port}/")
        plan = Plan("cuts", options.scaled(20_000), options.scaled(200), [node.url], way_round)
        result = await under_load(plan, options, cut)
        version = await node.version()
    what = f"RabbitMQ {version}, connections cut {result.faults} times under load, {result.messages} messages"
    yield _lost(what, result, options.command("cuts"), began)
    at_once = len(result.at_once_in_one_worker)
    yield _row(f"{what}: run concurrently twice in one worker", at_once, result, options.command("cuts"), began)


async def kills(options: Options) -> AsyncIterator[Row]:
    """A worker is killed (SIGKILL), and another one takes its place."""
    began = time.monotonic()
    async with one_broker(NEW) as node:
        plan = Plan("kills", options.scaled(20_000), options.scaled(100), [node.url], node.url, workers=3)
        result, had = await _kill_under(plan, options)
        what, command = await _story(node, result), options.command("kill")
    yield _lost(what, result, command, began)
    others = result.run_twice - had.in_flight - had.just_settled
    acks = len(result.run_twice & had.just_settled - had.in_flight)
    note = f" (run twice: {len(result.run_twice)}; in flight at a kill: {len(had.in_flight)}, acks under way: {acks})"
    yield _row(f"{what}: run twice, though not in a killed worker's hands", len(others), result, command, began, note)


async def kill_inbox(options: Options) -> AsyncIterator[Row]:
    """The same, with an inbox: beside the handler's effects, and in one transaction with them."""
    async with one_broker(NEW) as node:
        plan = Plan("kills, SqliteInbox", *_size(options), [node.url], node.url, "once", 3)
        began, file = time.monotonic(), str(options.folder / "inbox.sqlite3")
        result, _ = await _kill_under(replace(plan, environment={"BENCH_SQLITE": file}), options)
        what, command = await _story(node, result) + ", SqliteInbox", options.command("kill-inbox")
        yield _lost(what, result, command, began)
        note = f" (killed between the handler's end and the inbox: {len(result.completed_twice)})"
        again = len(result.story.run_after_completion)
        yield _row(f"{what}: run again after completion", again, result, command, began, note)
        if at := programs():
            began = time.monotonic()
            async with postgres(at) as address:
                plan = replace(plan, what="kills, PostgresInbox", target="with_effect")
                result, _ = await _kill_under(replace(plan, environment={"BENCH_POSTGRES": address}), options)
                having, twice = await effects(address)
            what = await _story(node, result) + ", PostgresInbox in the handler's transaction"
            yield _lost(what, result, command, began)
            missing = result.messages - having
            yield _row(f"{what}: effects committed twice", twice, result, command, began, f" ({missing} missing)")


def _size(options: Options) -> tuple[int, int]:
    return options.scaled(10_000), options.scaled(100)


async def _story(node: Node, result: Result) -> str:
    times = f"kill -9 of a worker {result.faults} times under load"
    return f"RabbitMQ {await node.version()}, {times}, {result.messages} messages"


async def _kill_under(plan: Plan, options: Options) -> tuple[Result, AtKills]:
    """What came of it, and what the killed workers had in hand."""
    chance, at_kills = random.Random(options.seed), AtKills()

    async def kill(crew: Crew) -> None:
        victim = chance.choice(crew.workers)
        await crew.kill(victim)
        at_kills.in_flight |= crew.story.unsettled(victim.pid)
        at_kills.just_settled |= crew.story.just_settled(victim.pid)
        await crew.start()

    return await under_load(plan, options, kill), at_kills


async def nodes(options: Options) -> AsyncIterator[Row]:
    """Three nodes, of which one is killed every minute and started again."""
    began, period = time.monotonic(), 60.0
    async with cluster(NEW) as three:
        chance, urls = random.Random(options.seed), [node.url for node in three]

        async def kill_one(crew: Crew) -> None:
            due = asyncio.create_task(asyncio.sleep(period))
            await _kill_and_start(chance.choice(three))
            await crew.until("workers that consume again", crew.all_consume)
            await due

        faults = max(1, round(options.minutes * options.scale))
        plan = Plan("node kills", 0, faults, urls, ",".join(urls), pace=100)
        result = await under_load(plan, options, kill_one)
        version = await three[0].version()
    what = f"RabbitMQ {version}, three nodes, one killed every minute {result.faults} times, {result.messages} messages"
    yield _lost(what, result, options.command("nodes"), began)


async def _kill_and_start(node: Node) -> None:
    await node.kill()
    await asyncio.sleep(5)  # the outage itself
    await node.start()


def _lost(what: str, result: Result, command: str, began: float) -> Row:
    note = f" ({result.stalled.splitlines()[0]}; {len(result.left)} left)" if result.stalled else ""
    return _row(f"{what}: lost", len(result.lost), result, command, began, note)


def _row(what: str, number: int, result: Result, command: str, began: float, note: str = "") -> Row:
    kept = number == 0 and result.stalled is None and not result.left
    return Row(what, "0", f"{number}{note}", kept, command, time.monotonic() - began, result.details())
