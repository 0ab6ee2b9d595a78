"""The last resort: a thread that ends the process when the loop can't, because a handler blocks it.

May know: pipes, clocks. May not know: the loop, the engine.

A stop signal must end the process within the drain timeout plus one second, whatever runs. The signal
handler arms it by writing to a pipe, which is safe at any moment (no lock).
"""

import os
import select
from contextlib import suppress
from threading import Thread

MARGIN = 0.9
"""Seconds after the drain timeout: more than the drain itself takes to give up, less than one second."""
STDERR = 2
LAST_WORDS = (
    b"lastcall: something blocks the event loop or the interpreter's exit; leaving without it. The broker "
    b"requeues what was not acked. A handler that blocks belongs in a plain function: those run in threads.\n"
)


class LastResort:
    """`arm()` starts the countdown, a second `arm()` leaves only the margin; `dismiss()` calls it off."""

    def __init__(self, drain_timeout: float, exit_code: int) -> None:
        self._drain_timeout = drain_timeout
        self._exit_code = exit_code
        self._armed = False
        self._read, self._write = os.pipe()
        Thread(target=self._watch, name="lastcall last resort", daemon=True).start()

    def arm(self) -> None:
        """Start the countdown; again: only the margin is left. Safe in a signal handler."""
        self._armed = True
        os.write(self._write, b"!")

    def outlast(self, exit_code: int) -> None:
        """The worker has ended: the process follows before the countdown ends, and with this code in any case."""
        self._exit_code = exit_code
        if not self._armed:
            self.arm()

    def dismiss(self) -> None:
        """The worker has ended, and the process goes on."""
        os.close(self._write)

    def _watch(self) -> None:
        patience = self._drain_timeout
        while os.read(self._read, 1):
            if self._nothing_for(patience + MARGIN):
                self._leave()
            patience = 0.0
        os.close(self._read)

    def _nothing_for(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._read], [], [], seconds)
        return not readable

    def _leave(self) -> None:
        _say_if_heard(LAST_WORDS)
        os._exit(self._exit_code)


def _say_if_heard(words: bytes) -> None:
    """Not through sys.stderr, whose lock may be held by what blocks, and not into a pipe that nobody reads."""
    with suppress(OSError):
        _, writable, _ = select.select([], [STDERR], [], 0)
        if writable:
            os.write(STDERR, words)
