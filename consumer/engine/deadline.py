"""One clock for the whole drain: the drain timeout is computed once, on the monotonic clock.

May know: a clock, the request to hurry. May not know: what is waited for.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from consumer.engine.waiting import ended_or_cancelled, first_of


class Deadline:
    """A moment, `seconds` from its making, or now, once `hurried` is done. All times in seconds."""

    def __init__(self, clock: Callable[[], float], seconds: float, hurried: "asyncio.Future[None]") -> None:
        self._clock = clock
        self._hurried = hurried
        self._began = clock()
        self._at = self._began + seconds

    def remaining(self, *, extra: float = 0.0, at_most: float = float("inf")) -> float:
        """How long until `extra` after the deadline, never negative, never more than `at_most`."""
        return max(0.0, min(self._at + extra - self._clock(), at_most))

    def elapsed(self) -> float:
        """How long since its making."""
        return self._clock() - self._began

    async def wait(self, ended: "asyncio.Future[Any]", *, extra: float = 0.0, at_most: float = float("inf")) -> None:
        """Until it has ended, or so long. A hurry meanwhile makes it shorter. Cancels nothing."""
        await first_of(ended, self._hurried, timeout=self.remaining(extra=extra, at_most=at_most))
        if self._hurried.done():
            self._at = min(self._at, self._clock())
            await first_of(ended, timeout=self.remaining(extra=extra, at_most=at_most))

    async def bound(self, work: Coroutine[Any, Any, Any], *, extra: float, at_most: float = float("inf")) -> bool:
        """Whether the work was done within so long; what it raised is raised. Else it is cancelled."""
        task = asyncio.ensure_future(work)
        await self.wait(task, extra=extra, at_most=at_most)
        return await ended_or_cancelled(task)
