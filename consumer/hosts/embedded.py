"""A worker inside an application that owns the loop and the signals: it serves as long as a block runs.

May know: asyncio, events by their names. May not know: the engine's insides, signals, which application it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from consumer.core.events import Event
from consumer.engine.report import Report
from consumer.engine.waiting import first_of, outlive_cancellation
from consumer.observers import Observers


class Served(Protocol):
    """What is run inside the block."""

    async def serve(self) -> Report:
        """Live until stopped, drained."""

    def stop(self, reason: str) -> None:
        """Drain."""


@asynccontextmanager
async def running(served: Served, observers: Observers) -> AsyncIterator[None]:
    """Begins the block when it consumes, or has ended already; drains at the block's end, and waits for that.

    `observers`: who is told of what it does.

    Raises what `serve` raises; but what the block raised, or a cancellation, comes first.
    """
    ready = _Ready()
    observers.add(ready)
    serving = asyncio.create_task(served.serve(), name="lastcall serve")
    try:
        try:
            await first_of(ready.reached, serving)
        finally:
            observers.remove(ready)
        if serving.done():
            serving.result()
        yield
    except BaseException:
        _stop(served, serving, "its block was left by an exception")
        await outlive_cancellation(serving, _nothing)
        serving.cancelled() or serving.exception()  # what came first is raised
        raise
    _stop(served, serving, "its block has ended")
    await serving


class _Ready:
    """An observer that waits for the first time at which the worker is where it is to be."""

    wants_routine = False

    def __init__(self) -> None:
        self.reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __call__(self, event: Event) -> None:
        if event.name in {"consuming", "quieted"} and not self.reached.done():
            self.reached.set_result(None)


def _stop(served: Served, serving: "asyncio.Task[Report]", reason: str) -> None:
    """Unless it has ended: then a stop would be one for the next time."""
    if not serving.done():
        served.stop(reason)


def _nothing() -> None:
    """A cancellation while it drains changes nothing."""
