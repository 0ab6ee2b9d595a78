"""The last resort: a thread that ends the process when the loop can't, because a handler blocks it.

May know: pipes, clocks. May not know: the loop, the engine.

A stop signal must end the process within the drain timeout plus one second, whatever runs. The signal
handler arms it by writing to a pipe, which is safe at any moment (no lock).
"""

import os
import select
import sys
from threading import Thread
from types import TracebackType
from typing import Self

MARGIN = 0.9
"""Seconds after the drain timeout: more than the drain itself takes to give up, less than one second."""


class LastResort:
    """A context manager; inside it, `arm()` starts the countdown, a second `arm()` shortens it to the margin."""

    def __init__(self, drain_timeout: float, exit_code: int) -> None:
        self._drain_timeout = drain_timeout
        self._exit_code = exit_code
        self._read, self._write = os.pipe()

    def __enter__(self) -> Self:
        Thread(target=self._watch, name="lastcall last resort", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._write)

    def arm(self) -> None:
        """Start the countdown; again: only the margin is left. Safe in a signal handler."""
        os.write(self._write, b"!")

    def _watch(self) -> None:
        armed = os.read(self._read, 1)
        if (armed and self._nothing_for(self._drain_timeout + MARGIN)) or (
            armed and os.read(self._read, 1) and self._nothing_for(MARGIN)
        ):
            self._leave()
        os.close(self._read)

    def _nothing_for(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._read], [], [], seconds)
        return not readable

    def _leave(self) -> None:
        sys.stderr.write(
            "lastcall: the event loop does not answer, a handler blocks it; leaving without it. The broker "
            "requeues what was not acked. Write that handler as a plain function: those run in threads.\n"
        )
        sys.stderr.flush()
        os._exit(self._exit_code)
