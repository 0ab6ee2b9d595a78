"""How tests wait for a store's clock: by asking again until the answer is there."""

import asyncio
from collections.abc import Awaitable, Callable

from consumer.inbox import Claim, Inbox

LONG_ENOUGH = 10.0


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LONG_ENOUGH):
        while not await asked():  # noqa: ASYNC110 - a store tells nobody that a lease has ended
            await asyncio.sleep(0.01)


async def taken_over(inbox: Inbox, key: str, owner: str) -> None:
    """Returns when the lease on the key has ended and the owner has it."""

    async def granted() -> bool:
        return await inbox.claim(key, owner) is Claim.GRANTED

    await until(granted)
