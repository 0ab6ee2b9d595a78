"""The user's tasks beside the handlers: not shielded, cancelled when the drain begins; but for stretches that are.

May know: tasks. May not know: deliveries, the drain's order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from consumer.core.events import Event, Observer

T = TypeVar("T")
BackgroundFunction = Callable[[], Coroutine[Any, Any, object]]


class Background:
    """`start` and `cancel` the tasks; `shield` what the drain must wait for."""

    def __init__(self, functions: Sequence[BackgroundFunction], observe: Observer) -> None:
        self._functions = functions
        self._observe = observe
        self._tasks: list[asyncio.Task[object]] = []
        self._shielded: set[asyncio.Future[Any]] = set()

    @property
    def shielded(self) -> "set[asyncio.Future[Any]]":
        """The stretches that the drain waits for."""
        return set(self._shielded)

    def start(self) -> None:
        """Start every background task."""
        for function in self._functions:
            task = asyncio.create_task(function(), name=f"lastcall background {getattr(function, '__name__', '')}")
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def cancel(self) -> None:
        """Cancel them: the drain has begun."""
        for task in self._tasks:
            task.cancel("the worker is draining")

    async def ended(self) -> None:
        """Until every background task has ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def shield(self, awaitable: Awaitable[T]) -> T:
        """Await it so that a cancellation of the caller does not reach it, and the drain waits for it."""
        work = asyncio.ensure_future(awaitable)
        self._shielded.add(work)
        work.add_done_callback(self._shielded.discard)
        return await asyncio.shield(work)

    def _ended(self, task: "asyncio.Task[object]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._observe(Event("background_failed", data={"task": task.get_name(), "error": repr(error)}))
