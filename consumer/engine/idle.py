"""Notices that nothing has been delivered for a while (`idle_timeout`), with one timer and no polling.

May know: the loop's timers. May not know: what is delivered, what idleness leads to.
"""

import asyncio
from collections.abc import Callable


class IdleWatch:
    """Calls `on_idle` once `timeout` seconds have passed with nothing here."""

    def __init__(self, timeout: float, loop: asyncio.AbstractEventLoop, on_idle: Callable[[], None]) -> None:
        self._timeout = timeout
        self._loop = loop
        self._on_idle = on_idle
        self._here = 0
        self._is_watching = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """The worker consumes: from now on silence counts."""
        self._is_watching = True
        self._arm()

    def came(self) -> None:
        """A delivery arrived."""
        self._here += 1
        if self._timer is not None:
            self._disarm()

    def went(self) -> None:
        """A delivery is done with."""
        self._here -= 1
        if self._here == 0:
            self._arm()

    def end(self) -> None:
        """Silence says nothing, until the next `begin`."""
        self._is_watching = False
        self._disarm()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._disarm()
        if self._is_watching and self._here == 0:
            self._timer = self._loop.call_later(self._timeout, self._on_idle)
