"""Signals: the first stop asks for the drain, the second sets its deadline to now, the third ends the process.

May know: `signal`, who is to be told, that an init may pass signals on. May not know: the loop, the engine.

Plain `signal.signal` handlers: they run on the main thread between two bytecodes, so what they call takes
no lock that this thread may hold, and wakes the loop by `call_soon_threadsafe`. They are in place from the
first moment to the last, which `loop.add_signal_handler` (bound to a running loop, and unknown to Windows) can't
be. Imports little, so that the command can install it before anything slow is imported.
"""

import os
import signal
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Protocol

from consumer.hosts.inits import leave_group

FORCED = 4
"""The exit code of a process that was told to leave without draining."""


def _known(*names: str) -> frozenset[int]:
    """The numbers of those that this system has: Windows has SIGBREAK (Ctrl+Break), and not the last three."""
    return frozenset(getattr(signal, name) for name in names if hasattr(signal, name))


STOPPING = _known("SIGTERM", "SIGINT", "SIGBREAK")
LEAVING = _known("SIGQUIT")
QUIETING = _known("SIGTSTP")
RESUMING = _known("SIGCONT")


class Stoppable(Protocol):
    """What a signal reaches."""

    def stop(self, reason: str) -> None:
        """Drain."""

    def stop_now(self, reason: str) -> None:
        """Drain with the deadline now."""

    def quiet(self, reason: str) -> None:
        """Take nothing new."""

    def resume(self) -> None:
        """Take new work again."""


class StopSignals:
    """SIGTERM and SIGINT (Ctrl+C), counted together; SIGQUIT leaves at once; SIGTSTP quiets, SIGCONT resumes."""

    def __init__(self) -> None:
        self._told: Stoppable | None = None
        self._on_stop: Callable[[], None] = _nothing
        self._on_leave: Callable[[], None] = _nothing
        self._received = 0
        self._exit_code = 0
        self._is_quiet = False
        self._previous: dict[int, object] = {}

    @property
    def handled(self) -> frozenset[int]:
        """The numbers of all signals that are ours."""
        return frozenset(self._previous)

    @property
    def ending(self) -> frozenset[int]:
        """Those of them that are counted: the first drains, a later one ends the process."""
        return self.handled - QUIETING - RESUMING

    def install(self) -> "StopSignals":
        """Take the signals over. Until `attach`, a stop ends the process at once: there is nothing to drain."""
        global _installed  # noqa: PLW0603 - signal handlers are the process's, so is the note who has them
        self._take(STOPPING | LEAVING | QUIETING | RESUMING)
        _installed = self
        leave_group()  # a signal counts once
        return self

    def also(self, numbers: Iterable[int]) -> None:
        """Take these over too, as stops."""
        self._take(numbers)

    def attach(self, told: Stoppable, on_stop: Callable[[], None], on_leave: Callable[[], None] | None = None) -> None:
        """From now on tell this one; `on_stop` is called at the first and the second signal, in the handler.

        `on_leave` is called there as the last thing that the process does, at the third or at SIGQUIT.
        """
        self._received, self._on_stop, self._on_leave = 0, on_stop, on_leave or _nothing
        self._told = told  # last: from here on a signal is told
        if self._wants_quiet():
            self._quiet(told)

    def detach(self, exit_code: int) -> None:
        """It has ended: a stop from now on only ends the process, with this exit code."""
        self._exit_code, self._told = exit_code, None

    def ignore(self) -> None:
        """The process is on its way out: no signal may change its exit code any more."""
        for number in self.handled:
            signal.signal(number, signal.SIG_IGN)

    def restore(self) -> None:
        """Put back the handlers that were there before."""
        global _installed  # noqa: PLW0603 - see install
        for number, handler in self._previous.items():
            known = signal.SIG_DFL if handler is None else handler  # None: it was set in C, and can't be had back
            signal.signal(number, known)  # type: ignore[arg-type]  # it came from signal.signal
        self._previous.clear()
        _installed = None

    def _take(self, numbers: Iterable[int]) -> None:
        for number in set(numbers) - self.handled:
            self._previous[number] = signal.getsignal(number)
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number in QUIETING or number in RESUMING:
            self._steer(number in QUIETING)
            return
        self._received += 1
        name = signal.Signals(number).name
        if self._told is None:
            os._exit(self._exit_code)
        if number in LEAVING or self._received > 2:
            self._on_leave()
            os._exit(FORCED)
        self._on_stop()
        if self._received == 1:
            self._told.stop(name)
        else:
            self._told.stop_now(f"second signal ({name})")

    def _wants_quiet(self) -> bool:
        return self._is_quiet

    def _steer(self, is_quiet: bool) -> None:
        """Before `attach` it is kept in mind."""
        self._is_quiet = is_quiet
        if self._told is None:
            return
        if is_quiet:
            self._quiet(self._told)
        else:
            self._told.resume()

    def _quiet(self, told: Stoppable) -> None:
        told.quiet("SIGTSTP")
        if not self._wants_quiet():  # the signal that came meanwhile has the last word
            told.resume()


def _nothing() -> None:
    """What is done where nobody asked for anything."""


_installed: StopSignals | None = None


def installed() -> StopSignals | None:
    """The handlers that are in place, if they are ours."""
    return _installed
