"""The user's tasks beside the handlers: not shielded, cancelled when the drain begins; but for stretches that are.

May know: tasks, the loop's clock. May not know: deliveries, the drain's order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from consumer.core.events import Event, Observer
from consumer.engine.owned import Owner
from consumer.errors import ConfigurationError

T = TypeVar("T")
BackgroundFunction: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
OnCrash: TypeAlias = Literal["report", "stop"]
"""What becomes of the worker when a background task raises."""


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundTask:
    """What is run beside the handlers: once (`every` None), or again and again, so many seconds from start to start."""

    function: BackgroundFunction
    every: float | None = None
    on_crash: OnCrash = "report"

    def __post_init__(self) -> None:
        """Raises ConfigurationError when something is out of range."""
        if self.every is not None and not 0 < self.every < float("inf"):
            raise ConfigurationError(f"{self.name!r}: every={self.every} must be seconds, more than 0")
        if self.on_crash not in get_args(OnCrash):
            raise ConfigurationError(f"{self.name!r}: on_crash={self.on_crash!r} must be 'report' or 'stop'")

    @property
    def name(self) -> str:
        """What logs and reports call it."""
        return f"lastcall background {getattr(self.function, '__name__', '')}".rstrip()


class Background:
    """`start` and `cancel` the tasks; `shield` what the drain must wait for.

    `give_up` is told which task has crashed, and with what, where that is to end the worker.
    """

    def __init__(
        self,
        declared: Sequence[BackgroundTask],
        owner: Owner,
        observe: Observer,
        give_up: Callable[[str, BaseException], None],
    ) -> None:
        self._declared = declared
        self._owner = owner
        self._observe = observe
        self._give_up = give_up
        self._now = asyncio.get_running_loop().time
        self._tasks: list[asyncio.Task[object]] = []
        self._shielded: dict[asyncio.Future[Any], str] = {}

    @property
    def shielded(self) -> "dict[asyncio.Future[Any], str]":
        """The stretches that the drain waits for, and the names of the tasks that they belong to."""
        return dict(self._shielded)

    def start(self) -> None:
        """Start every background task."""
        for each in self._declared:
            work = _contained(each.function) if each.every is None else self._again_and_again(each, each.every)
            task = self._owner.free(work, each.name)
            task.add_done_callback(partial(self._ended, each))
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

    async def _again_and_again(self, declared: BackgroundTask, every: float) -> None:
        """Never beside itself: a run that takes longer puts the next one off, and none is made up for."""
        while True:
            due = self._now() + every
            try:
                await _contained(declared.function)
            except Exception as error:
                if declared.on_crash == "stop":
                    raise
                self._tell(declared, error)
            await asyncio.sleep(max(0.0, due - self._now()))

    def _ended(self, declared: BackgroundTask, task: "asyncio.Task[object]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tell(declared, error)
            if declared.on_crash == "stop":
                self._give_up(declared.name, error)

    def _tell(self, declared: BackgroundTask, error: BaseException) -> None:
        self._observe(Event("background_failed", data={"task": declared.name, "error": repr(error)}))


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _contained(function: BackgroundFunction) -> object:
    """What would end the loop past everything that is in flight ends this task alone."""
    try:
        return await function()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("what it awaited was cancelled, and it was not") from error
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{error!r} in a background task: to end the worker, call worker.stop()") from error
