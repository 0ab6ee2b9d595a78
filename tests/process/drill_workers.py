"""The workers that the drill is tried on: one that keeps the promise, one that breaks it, one that can't start.

May know: what a user of the package knows. May not know: the drill.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from consumer import Worker

faithful = Worker()
dying = Worker()
closed = Worker()


@faithful.handler("jobs", concurrency=4)
async def work(job: dict[str, str]) -> None:
    await asyncio.sleep(0.01)


@dying.handler("jobs", concurrency=4)
async def work_and_die_once(job: dict[str, str]) -> None:
    await asyncio.sleep(0.01)  # the side effect
    die_if_nobody_did()  # before the ack


def die_if_nobody_did() -> None:
    try:
        Path("died").touch(exist_ok=False)
    except FileExistsError:
        return
    os._exit(9)


@closed.lifespan
async def database() -> AsyncIterator[None]:
    connect()
    yield


def connect() -> None:
    raise ConnectionRefusedError("the database is away")


@closed.handler("jobs")
async def never_reached(job: dict[str, str]) -> None: ...
