"""One clock for the whole drain: the drain timeout is computed once, on the monotonic clock.

May know: a clock. May not know: what is waited for.
"""

from collections.abc import Callable


class Deadline:
    """A moment, `seconds` from its making. All times in seconds."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._began = clock()
        self._at = self._began + seconds

    def remaining(self, *, extra: float = 0.0, at_most: float = float("inf")) -> float:
        """How long until `extra` after the deadline, never negative, never more than `at_most`."""
        return max(0.0, min(self._at + extra - self._clock(), at_most))

    def elapsed(self) -> float:
        """How long since its making."""
        return self._clock() - self._began

    def now(self) -> None:
        """The deadline is now, if it has not passed already."""
        self._at = min(self._at, self._clock())
