"""The last resort: a thread that ends the process when the main thread can't, because a handler blocks it.

May know: signal numbers, pipes, clocks. May not know: the loop, the engine.

A stop signal must end the process within the drain timeout plus one second, whatever runs. A handler that
blocks in C code (a database driver, say) keeps Python's signal handlers from running at all; so the
thread hears of signals over the wakeup fd too, into which the interpreter's own C handler writes.
"""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from time import monotonic

from consumer.hosts.signals import FORCED, StopSignals

MARGIN = 0.9
"""Seconds after the drain timeout: more than the drain itself takes to give up, less than one second."""
HANDLED, ENDED = 0, 255
"""What `arm` and `outlast` write into the pipe; every other byte is the number of a signal (from 1 to 64)."""
STDERR = 2
LAST_WORDS = (
    b"lastcall: something blocks the event loop or the interpreter's exit; leaving without it. The broker "
    b"requeues what was not acked. A handler that blocks belongs in a plain function: those run in threads.\n"
)


class LastResort:
    """The first stop signal starts the countdown, a second one leaves only the margin, a third or SIGQUIT nothing.

    Made on the main thread. `dismiss()` calls it off.
    """

    def __init__(self, drain_timeout: float, exit_code: int) -> None:
        self._drain_timeout = drain_timeout
        self._exit_code = exit_code
        self._armed = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._rouse: Callable[[], object] | None = None
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        Thread(target=self._watch, name="lastcall last resort", daemon=True).start()

    def listen(self, rouse: Callable[[], object] | None) -> None:
        """Hear of signals again where a loop has taken the wakeup fd for itself, as uvloop does when it runs.

        `rouse` is called in the thread, at each signal: it makes the loop return to the interpreter, which only then
        runs the signal's handler.
        """
        self._rouse = rouse
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def arm(self) -> None:
        """A stop signal was handled (to be counted once with the one heard of). Safe in a signal handler."""
        self._armed = True
        os.write(self._write, bytes([HANDLED]))

    def outlast(self, exit_code: int) -> None:
        """The worker has ended: the process follows before the countdown ends, and with this code in any case.

        Signals are heard of to the end: one that comes when the main thread has begun to wait for a left-over
        thread would never reach its Python handler.
        """
        self._exit_code = exit_code
        os.write(self._write, bytes([ENDED]))
        if not self._armed:
            self.arm()

    def dismiss(self) -> None:
        """The worker has ended, and the process goes on."""
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._write)

    def _watch(self) -> None:
        handled = heard = asked = 0
        leave_at: float | None = None
        ended = False
        while byte := self._next(leave_at):
            number = byte[0]
            if self._rouse is not None and number in StopSignals.watched:
                with suppress(RuntimeError):  # the loop has been closed
                    self._rouse()
            ended |= number == ENDED
            if ended and number in StopSignals.watched:
                os._exit(self._exit_code)
            handled += number == HANDLED
            heard += number in StopSignals.watched
            if number == signal.SIGQUIT or heard > 2:
                os._exit(FORCED)
            if max(handled, heard) > asked:
                asked = max(handled, heard)
                leave_at = monotonic() + MARGIN + (self._drain_timeout if asked == 1 else 0.0)
                if asked > 1 and not ended:
                    self._exit_code = FORCED
        os.close(self._read)

    def _next(self, leave_at: float | None) -> bytes:
        """The next byte; empty when called off. Ends the process when there is none before `leave_at`."""
        patience = None if leave_at is None else max(0.0, leave_at - monotonic())
        readable, _, _ = select.select([self._read], [], [], patience)
        if not readable:
            _say_if_heard(LAST_WORDS)
            os._exit(self._exit_code)
        return os.read(self._read, 1)


def _say_if_heard(words: bytes) -> None:
    """Not through sys.stderr, whose lock may be held by what blocks, and not into a pipe that nobody reads."""
    with suppress(OSError):
        _, writable, _ = select.select([], [STDERR], [], 0)
        if writable:
            os.write(STDERR, words)
