"""The last resort: a thread that ends the process when the main thread can't, because a handler blocks it.

May know: signal numbers, a pair of sockets, clocks. May not know: the loop, the engine.

A stop signal must end the process within the drain timeout plus one second, whatever runs. A handler that
blocks in C code (a database driver, say) keeps Python's signal handlers from running at all; so the
thread hears of signals over the wakeup fd too, into which the interpreter's own C handler writes. Sockets, not a
pipe: Windows can't wait for one.
"""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from time import monotonic

from consumer.hosts.signals import FORCED, LEAVING, StopSignals

MARGIN = 0.85
"""Seconds after the drain timeout: more than the drain itself takes to give up, less than one second."""
HANDLED, ENDED = 0, 255
"""What `arm` and `outlast` send; every other byte is the number of a signal (from 1 to 64)."""
STDERR = 2
SAYING = 0.05
"""Seconds that the last words may take: a pipe that nobody reads takes none."""
LAST_WORDS = (
    b"lastcall: something blocks the event loop or the interpreter's exit; leaving without it. The broker "
    b"requeues what was not acked. A handler that blocks belongs in a plain function: those run in threads.\n"
)


class LastResort:
    """The first stop signal starts the countdown, a second one leaves only the margin, a third or SIGQUIT nothing.

    Made on the main thread, once `signals` are installed. `dismiss()` calls it off.
    """

    def __init__(self, drain_timeout: float, exit_code: int, signals: StopSignals) -> None:
        self._drain_timeout = drain_timeout
        self._exit_code = exit_code
        self._signals = signals
        self._armed = False
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)
        self._rouse: Callable[[], object] | None = None
        self._wakeup_before = self._hear()
        Thread(target=self._watch, name="lastcall last resort", daemon=True).start()

    def listen(self, rouse: Callable[[], object] | None) -> None:
        """Hear of signals again where a loop has taken the wakeup fd for itself, as uvloop and Windows' loop do.

        `rouse` is called in the thread, at each signal: it makes the loop return to the interpreter, which only then
        runs the signal's handler.
        """
        self._rouse = rouse
        self._hear()

    def arm(self) -> None:
        """A stop signal was handled (to be counted once with the one heard of). Safe in a signal handler."""
        self._armed = True
        self._write.send(bytes([HANDLED]))

    def outlast(self, exit_code: int) -> None:
        """The worker has ended: the process follows before the countdown ends, and with this code in any case.

        Signals are heard of to the end: one that comes when the main thread has begun to wait for a left-over
        thread would never reach its Python handler.
        """
        self._exit_code = exit_code
        self._write.send(bytes([ENDED]))
        if not self._armed:
            self.arm()

    def dismiss(self) -> None:
        """The worker has ended, and the process goes on."""
        signal.set_wakeup_fd(self._wakeup_before)
        self._write.close()

    def _hear(self) -> int:
        """From now on each signal's number is sent to the thread; returns who has had them before."""
        return signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)

    def _watch(self) -> None:
        handled = heard = asked = 0
        leave_at: float | None = None
        ended = False
        while byte := self._next(leave_at):
            number = byte[0]
            if self._rouse is not None and number in self._signals.handled:
                with suppress(RuntimeError):  # the loop has been closed
                    self._rouse()
            ends = number in self._signals.ending
            ended |= number == ENDED
            if ended and ends:
                os._exit(self._exit_code)
            handled += number == HANDLED
            heard += ends
            if number in LEAVING or heard > 2:
                os._exit(FORCED)
            if max(handled, heard) > asked:
                asked = max(handled, heard)
                leave_at = monotonic() + MARGIN + (self._drain_timeout if asked == 1 else 0.0)
                if asked > 1 and not ended:
                    self._exit_code = FORCED
        self._read.close()

    def _next(self, leave_at: float | None) -> bytes:
        """The next byte; empty when called off. Ends the process when there is none before `leave_at`."""
        self._read.settimeout(None if leave_at is None else max(0.0, leave_at - monotonic()))
        try:
            return self._read.recv(1)
        except (TimeoutError, BlockingIOError):
            _say_if_heard(LAST_WORDS)
            os._exit(self._exit_code)


def _say_if_heard(words: bytes) -> None:
    """Not through sys.stderr, whose lock may be held by what blocks; and in a thread, which may be held by a pipe."""
    saying = Thread(target=_say, args=(words,), daemon=True)
    with suppress(RuntimeError):  # it is too late for a thread
        saying.start()
        saying.join(SAYING)


def _say(words: bytes) -> None:
    with suppress(OSError):
        os.write(STDERR, words)
