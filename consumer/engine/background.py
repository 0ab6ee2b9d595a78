"""The user's tasks beside the handlers: not shielded, cancelled when the drain begins; but for stretches that are.

May know: tasks. May not know: deliveries, the drain's order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any, TypeVar

from consumer.core.events import Event, Observer
from consumer.engine.owned import Owner

T = TypeVar("T")
BackgroundFunction = Callable[[], Coroutine[Any, Any, object]]


class Background:
    """`start` and `cancel` the tasks; `shield` what the drain must wait for."""

    def __init__(self, functions: Sequence[BackgroundFunction], owner: Owner, observe: Observer) -> None:
        self._functions = functions
        self._owner = owner
        self._observe = observe
        self._tasks: list[asyncio.Task[object]] = []
        self._shielded: dict[asyncio.Future[Any], str] = {}

    @property
    def shielded(self) -> "dict[asyncio.Future[Any], str]":
        """The stretches that the drain waits for, and the names of the tasks that they belong to."""
        return dict(self._shielded)

    def start(self) -> None:
        """Start every background task."""
        for function in self._functions:
            name = f"lastcall background {getattr(function, '__name__', '')}".rstrip()
            task = self._owner.free(_contained(function), name)
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
        task = asyncio.current_task()
        name = task.get_name() if task is not None else ""
        work = self._kept(awaitable, name)
        self._shielded[work] = name
        work.add_done_callback(self._shielded.pop)
        return await asyncio.shield(work)

    def _kept(self, awaitable: Awaitable[T], name: str) -> "asyncio.Future[T]":
        """Where only the drain's deadline reaches it; but a task or future that the caller has made stays his."""
        if asyncio.isfuture(awaitable):
            return awaitable
        return self._owner.guarded(_awaited(awaitable), f"{name} (shielded)", copy_context())

    def _ended(self, task: "asyncio.Task[object]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._observe(Event("background_failed", data={"task": task.get_name(), "error": repr(error)}))


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _contained(function: BackgroundFunction) -> object:
    """What would end the loop past everything that is in flight ends this task alone."""
    try:
        return await function()
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{error!r} in a background task: to end the worker, call worker.stop()") from error
