"""The user's lifespan: opened before the first delivery, closed after the last handler, in one task of its own.

May know: async context managers. May not know: what is opened, deliveries.

One task, because what is opened in it (cancel scopes, context variables) may have to be closed in the same one. What
it sets in context variables, handlers and background tasks see.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import copy_context

from consumer.engine.owned import Owner


class Lifespan:
    """Holds an async context manager open between `open` and `close`; `on_early_end` is told when it ends by itself."""

    def __init__(
        self,
        manager: AbstractAsyncContextManager[object] | None,
        owner: Owner,
        on_early_end: Callable[[BaseException | None], None] = lambda _: None,
    ) -> None:
        self._manager = manager
        self._owner = owner
        self._on_early_end = on_early_end
        self._end = asyncio.Event()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to open it; `opened` is done when it is, with what it raised if it failed."""
        if self._manager is None:
            self.opened.set_result(None)
        else:
            self._task = self._owner.guarded(self._hold(self._manager), "lastcall lifespan")

    async def close(self) -> None:
        """Close it and wait until it is closed. Raises what closing raises. Idempotent."""
        if self._task is None:
            return
        self._end.set()
        if not self.opened.done():
            self._task.cancel("stopped while opening")
        await asyncio.wait({self._task})
        if self.opened.done() and self.opened.exception() is None and not self._task.cancelled():
            self._task.result()

    async def _hold(self, manager: AbstractAsyncContextManager[object]) -> None:
        try:
            async with manager:
                self._owner.adopt(copy_context())
                self.opened.set_result(None)
                await self._end.wait()
        except BaseException as error:
            if self.opened.done():
                if not self._end.is_set():
                    self._on_early_end(error)
                raise
            self.opened.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
            if not isinstance(error, Exception):
                raise
