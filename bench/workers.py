"""The workers that the drain figures are taken on. How long a message takes stands in its body, in seconds."""

import asyncio

from consumer import Worker

five_at_once = Worker()
one_at_once = Worker()


@five_at_once.handler("figures", concurrency=5, prefetch=20)
async def work(seconds: float) -> None:
    await asyncio.sleep(seconds)


@one_at_once.handler("figures", concurrency=1, prefetch=1000)
async def work_one(seconds: float) -> None:
    await asyncio.sleep(seconds)
