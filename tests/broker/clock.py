"""A clock that a test puts forward, so that no test waits for a heartbeat.

May know: asyncio. May not know: what is timed by it.
"""

import asyncio

import pytest


class Clock:
    """The running loop's clock, which can be put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        time, self._ahead = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: time() + self._ahead)

    def forward(self, seconds: float) -> None:
        self._ahead += seconds
