"""Puts a task factory before the loop's own one, and takes it away again, whatever the host does meanwhile.

May know: loops, task factories. May not know: which tasks are created, or why.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

Create: TypeAlias = Callable[..., "asyncio.Task[Any] | None"]
"""`create(loop, work, eager, **options)` makes a task, or leaves that to the host: None. `eager`: the host's tasks
take their first step as they are created (Python 3.12's eager tasks)."""


class ChainedFactory:
    """A task factory that asks `create` first, and then the one that was there before it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, create: Create) -> None:
        self.create = create
        self.users = 0
        self._loop = loop
        self._before: Any = loop.get_task_factory()
        self._eager = _is_eager(self._before)

    def __call__(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> "asyncio.Future[Any]":
        """What the loop calls for each new task."""
        task = self.create(loop, work, self._eager, **options)
        if task is not None:
            return task
        if self._before is None:
            return asyncio.Task(work, loop=loop, **options)
        made: asyncio.Future[Any] = self._before(loop, work, **options)
        return made

    def release(self) -> None:
        """One user less. After the last the loop has its own again; where another was put over ours, that one stays."""
        self.users -= 1
        present: object = self._loop.get_task_factory()
        if self.users == 0 and present is self:
            self._loop.set_task_factory(self._before)


def chain(loop: asyncio.AbstractEventLoop, create: Create) -> ChainedFactory:
    """Put it in place, or use the one that is. Ends with `release`."""
    present: object = loop.get_task_factory()
    if isinstance(present, ChainedFactory) and present.create is create:
        factory = present
    else:
        factory = ChainedFactory(loop, create)
        loop.set_task_factory(factory)  # type: ignore[arg-type]  # it says coroutine or generator: for 3.11's sake
    factory.users += 1
    return factory


def _is_eager(factory: Any) -> bool:
    """Whether `asyncio.create_eager_task_factory` has made it: all that it makes share their code."""
    eager = getattr(asyncio, "eager_task_factory", None)  # since Python 3.12
    return eager is not None and getattr(factory, "__code__", None) is eager.__code__
