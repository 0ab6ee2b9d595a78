"""Ways to wait that never hang and never cancel what others own.

May know: tasks and futures. May not know: what is waited for.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

LETTING_GO = 0.05
"""Seconds that something cancelled gets to notice it."""


async def first_of(*futures: "asyncio.Future[Any]", timeout: float | None = None) -> None:
    """Until one of them is done, or `timeout` seconds have passed. Cancels none of them."""
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def bounded(work: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Whether the work was done within so many seconds; what it raised is raised. Else it is cancelled."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=seconds)
    return await ended_or_cancelled(task)


async def ended_or_cancelled(task: "asyncio.Future[Any]") -> bool:
    """Whether it has ended; what it raised is raised. Else it is cancelled, and left to itself after a moment."""
    if task.done():
        task.result()
        return True
    task.cancel()
    await asyncio.wait({task}, timeout=LETTING_GO)
    return False


async def outlive_cancellation(
    living: "asyncio.Future[Any]", on_cancel: Callable[[], object]
) -> asyncio.CancelledError | None:
    """Until it has ended. A cancellation of whoever waits here is told, and returned at the end, to be raised."""
    cancelled: asyncio.CancelledError | None = None
    while not living.done():
        try:
            await asyncio.wait({living})
        except asyncio.CancelledError as error:
            cancelled = error
            on_cancel()
    return cancelled
