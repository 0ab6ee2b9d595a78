"""A worker of a given size: how many queues, how many in flight, how many prefetched. Bodies are left as they are.

May know: what a user knows, how marks are told. May not know: who measures.
"""

import asyncio
import os
from collections import deque

import marks

from consumer import Worker

QUEUES, CONCURRENCY, PREFETCH, IN_FLIGHT = (
    int(os.environ[f"GROWTH_{name}"]) for name in ("QUEUES", "CONCURRENCY", "PREFETCH", "IN_FLIGHT")
)
ENDLESS = "GROWTH_ENDLESS" in os.environ

worker = Worker()
_held: deque[asyncio.Future[None]] = deque()


async def at_once(_body: bytes) -> None:
    marks.passed()


async def in_turn(_body: bytes) -> None:
    """It ends when so many others have begun after it: the same number is in flight all the time."""
    ours = asyncio.get_running_loop().create_future()
    _held.append(ours)
    if len(_held) == IN_FLIGHT:
        _held.popleft().set_result(None)
    await ours
    marks.passed()


async def endless(_body: bytes) -> None:
    marks.passed()
    await asyncio.get_running_loop().create_future()


for number in range(QUEUES):
    handler = endless if ENDLESS else at_once if IN_FLIGHT == 1 else in_turn
    worker.handler(f"{marks.QUEUE}-{number}", concurrency=CONCURRENCY, prefetch=PREFETCH)(handler)
