"""Stop signals: the first asks for the drain, the second sets its deadline to now, the third ends the process.

May know: `signal`, who is to be told. May not know: the loop, the engine.

Plain `signal.signal` handlers: they run on the main thread between two bytecodes, so what they call takes
no lock that this thread may hold, and wakes the loop by `call_soon_threadsafe`. They are in place from the
first moment to the last, which `loop.add_signal_handler` (bound to a running loop) can't be. Imports little,
so that the command can install it before anything slow is imported.
"""

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol

FORCED = 4
"""The exit code of a process that was told to leave without draining."""


class Stoppable(Protocol):
    """What a stop signal reaches."""

    def stop(self, reason: str) -> None:
        """Drain."""

    def stop_now(self, reason: str) -> None:
        """Drain with the deadline now."""


class StopSignals:
    """SIGTERM and SIGINT (Ctrl+C), counted together; SIGQUIT leaves at once."""

    watched = tuple(
        getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGBREAK") if hasattr(signal, name)
    )

    def __init__(self) -> None:
        self._told: Stoppable | None = None
        self._on_stop: Callable[[], None] = _nothing
        self._on_leave: Callable[[], None] = _nothing
        self._received = 0
        self._exit_code = 0
        self._previous: dict[int, object] = {}

    def install(self) -> "StopSignals":
        """Take the signals over. Until `attach`, one ends the process at once: there is nothing to drain."""
        global _installed  # noqa: PLW0603 - signal handlers are the process's, so is the note who has them
        for number in self.watched:
            self._previous[number] = signal.signal(number, self._handle)
        _installed = self
        return self

    def attach(self, told: Stoppable, on_stop: Callable[[], None], on_leave: Callable[[], None] | None = None) -> None:
        """From now on tell this one; `on_stop` is called at the first and the second signal, in the handler.

        `on_leave` is called there as the last thing that the process does, at the third or at SIGQUIT.
        """
        self._told, self._on_stop, self._on_leave = told, on_stop, on_leave or _nothing
        self._received = 0

    def detach(self, exit_code: int) -> None:
        """It has ended: a signal from now on only ends the process, with this exit code."""
        self._exit_code, self._told = exit_code, None

    def ignore(self) -> None:
        """The process is on its way out: no signal may change its exit code any more."""
        for number in self.watched:
            signal.signal(number, signal.SIG_IGN)

    def restore(self) -> None:
        """Put back the handlers that were there before."""
        global _installed  # noqa: PLW0603 - see install
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from signal.signal
        _installed = None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._received += 1
        name = signal.Signals(number).name
        if self._told is None:
            os._exit(self._exit_code)
        if name == "SIGQUIT" or self._received > 2:
            self._on_leave()
            os._exit(FORCED)
        self._on_stop()
        if self._received == 1:
            self._told.stop(name)
        else:
            self._told.stop_now(f"second signal ({name})")


def _nothing() -> None:
    """What is done where nobody asked for anything."""


_installed: StopSignals | None = None


def installed() -> StopSignals | None:
    """The handlers that are in place, if they are ours."""
    return _installed
