"""Plain (blocking) handlers run here: a bounded pool of daemon threads.

May know: threads, futures. May not know: deliveries.

Not concurrent.futures: its threads are joined when the interpreter exits, so one handler that hangs
would hold a pod until SIGKILL. These are daemons: what outlives the drain timeout is named and left.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """At most `size` threads, started as they are needed. The caller bounds how much runs at once."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = 0
        self._busy = 0

    async def run(self, call: Callable[[], T]) -> T:
        """The call's result, or what it raised. Cancelling the wait leaves the call running to its end."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        context = copy_context()

        def job() -> None:
            try:
                result = context.run(call)
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the waiting task
                _report(loop, done, error)
            else:
                _report(loop, done, result)

        self._busy += 1
        if self._started < min(self._busy, self._size):
            self._started += 1
            Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        self._jobs.put(job)
        try:
            return await done
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Let idle threads go; busy ones go when their call ends."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _report(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]", result: T | BaseException) -> None:
    def settle() -> None:
        if done.done():  # nobody waits any more
            return
        if isinstance(result, BaseException):
            done.set_exception(RuntimeError(repr(result)) if isinstance(result, StopIteration) else result)
        else:
            done.set_result(result)

    with suppress(RuntimeError):  # the loop is closed: the worker has left without this call
        loop.call_soon_threadsafe(settle)
