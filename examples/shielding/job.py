"""What the six tasks tell of themselves, and the signal that comes after a second."""

import os
import signal
import threading
import time

LENGTH = 2.5
"""Seconds that a task takes."""
_began = time.monotonic()


def say(words: str) -> None:
    print(f"{time.monotonic() - _began:4.1f} s  {words}", flush=True)


def signal_after_a_second() -> None:
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()
