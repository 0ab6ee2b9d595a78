"""Owned tasks: whoever walks `asyncio.all_tasks()` and cancels what is there does not reach them.

May know: tasks, task factories, context variables. May not know: what runs in the tasks.

Code runs in a realm, which its context names: the engine's, or one of the user's (each handler, the lifespan, each
shielded stretch has its own). Code of the engine's realm may cancel every task of its run; code of a user's realm the
task that it runs in (as `asyncio.timeout` and a TaskGroup do) and all tasks that code of the user's realms has created.
Code outside may cancel none.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from consumer.engine.task_factory import ChainedFactory, chain

T = TypeVar("T")
A = TypeVar("A")


class Realm:
    """Where code runs, or who may cancel a task. Compared by identity."""

    __slots__ = ("owner",)

    def __init__(self, owner: "Owner") -> None:
        self.owner = owner


class Owned(asyncio.Task[T]):
    """A task that only code of its realm, or of the engine's, can cancel, until its owner lets go of it."""

    __slots__ = ("realm",)
    realm: Realm

    def cancel(self, msg: Any | None = None) -> bool:
        """As in any task; False, and nothing happens for now, where the running code may not."""
        return super().cancel(msg) if self.realm.owner.lets_cancel(self, self.realm, msg) else False


_here: ContextVar[Realm | None] = ContextVar("lastcall_realm", default=None)


class Owner:
    """Owns the tasks of one run of an engine, from `begin` to `end`. Made and used on the loop's thread.

    `on_interrupt` is told when a KeyboardInterrupt has stopped the loop, and its host cancels what is left.
    """

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        self._on_interrupt = on_interrupt
        self._interrupt: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._factory: ChainedFactory | None = None
        self._refused: WeakKeyDictionary[asyncio.Task[Any], Any] = WeakKeyDictionary()
        self.ended = False
        self._engine = Realm(self)
        self._users = Realm(self)
        self._outside = copy_context()
        self.context = self._outside.copy()
        """The engine's: a task that is created in it, or by a task in it, is the engine's alone to cancel."""
        self.context.run(_here.set, self._engine)

    def begin(self, work: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
        """Run the engine in a task; when it has ended, so has the ownership."""
        self._factory = chain(self._loop, _create)
        task = _owned(self._engine, work, loop=self._loop, name=name, context=self.context)
        task.add_done_callback(lambda _: self._end())
        return task

    def adopt(self, context: Context) -> None:
        """User code that begins from now on sees the context variables of this one, which is the lifespan's."""
        here = self._outside.get(_here)
        self._outside = context
        self._outside.run(_here.set, here)

    def guarded(self, work: Coroutine[Any, Any, T], name: str, context: Context | None = None) -> "asyncio.Task[T]":
        """User code that must get to its end; None: in the context of the worker's start, or of its lifespan."""
        realm = Realm(self)
        context = (context or self._outside).copy()
        context.run(_here.set, realm)
        task = Owned(work, loop=self._loop, name=name, context=context)
        task.realm = realm
        return task

    def free(self, work: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
        """User code that anybody may cancel: a task as the host makes them."""
        return self._loop.create_task(work, name=name, context=self._outside.copy())

    def outside(self, call: Callable[[A], None]) -> Callable[[A], None]:
        """The call, so that what it cancels and what tasks it creates is as if the host had called it."""

        def called(argument: A) -> None:
            before = _here.set(None)
            try:
                call(argument)
            finally:
                _here.reset(before)

        return called

    def of_new_tasks(self, here: Realm) -> Realm:
        """Who may cancel the tasks that code of this realm creates."""
        return self._engine if here is self._engine else self._users

    def lets_cancel(self, task: "asyncio.Task[Any]", realm: Realm, msg: Any) -> bool:
        """Whether the running code may. Else it is kept in mind that somebody wanted the task's end."""
        here = _here.get()
        if self.ended or (here is not None and here.owner is self and self._may(here, realm)):
            return True
        self._refused[task] = msg
        interrupt = sys.exc_info()[1]
        if isinstance(interrupt, KeyboardInterrupt) and interrupt is not self._interrupt:
            self._interrupt = interrupt
            self._on_interrupt()
        return False

    def _may(self, here: Realm, realm: Realm) -> bool:
        return here is self._engine or here is realm or realm is self._users

    def _end(self) -> None:
        """Let go: tasks that are left (a handler's own, say) are anybody's, and end if somebody wanted that."""
        self.ended = True
        if self._factory is not None:
            self._factory.release()
        for task, msg in list(self._refused.items()):
            task.cancel(msg)


def _create(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], eager: bool, **options: Any
) -> "asyncio.Task[Any] | None":
    """The factory's question for each task of the loop: an owned one; None: it isn't ours."""
    context: Context | None = options.get("context")
    here = _here.get() if context is None else context.get(_here)
    if here is None or here.owner.ended:
        return None
    realm = here.owner.of_new_tasks(here)
    if eager and realm is not here:
        options.setdefault("eager_start", True)
    return _owned(realm, work, loop=loop, **options)


def _owned(realm: Realm, work: Coroutine[Any, Any, T], **options: Any) -> "asyncio.Task[T]":
    """Not by the constructor: an eager task runs in it, and may be cancelled in there."""
    task: Owned[T] = Owned.__new__(Owned)
    task.realm = realm
    Owned.__init__(task, work, **options)
    return task
