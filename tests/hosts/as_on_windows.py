"""Makes of this process what Windows would be to a worker, as far as Linux can, and runs a program of `programs.py`.

May know: what Windows has not, and how signals come there. May not know: the package's insides.

- SIGBREAK is there (SIGHUP plays its part); SIGQUIT, SIGTSTP, SIGCONT and others are not, nor some of `os`.
- The C handler of a signal runs in a thread of its own: it interrupts no wait of the main thread. So a loop that
  waits is not woken, and Python's handler not run, but by what is written to the wakeup fd.
- The loop takes that fd for itself when it is made, has no `add_signal_handler`, and select() takes sockets alone.

Not Windows: its sockets, its event loop, its console.
"""

import asyncio
import os
import runpy
import select
import signal
import socket
import stat
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

POSIX_SIGNALS = ("SIGQUIT", "SIGTSTP", "SIGCONT", "SIGHUP", "SIGSTOP", "SIGKILL")
POSIX_CALLS = ("set_blocking", "fork", "O_CLOEXEC", "O_NONBLOCK")


def take_away() -> None:
    signal.SIGBREAK = signal.SIGHUP  # type: ignore[attr-defined]
    for name in POSIX_SIGNALS:
        delattr(signal, name)
    for name in POSIX_CALLS:
        delattr(os, name)


def let_another_thread_have_the_signals() -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # later threads have this from here


def change_select() -> None:
    on_linux = select.select

    def only_sockets(*arguments: Any) -> Any:
        for each in [each for some in arguments[:3] for each in some]:
            if not stat.S_ISSOCK(os.fstat(each if isinstance(each, int) else each.fileno()).st_mode):
                raise OSError(10038, "An operation was attempted on something that is not a socket")
        return on_linux(*arguments)

    select.select = only_sockets


class WindowsLoop(asyncio.SelectorEventLoop):
    """As Python's own there, in what concerns signals."""

    def __init__(self) -> None:
        super().__init__()
        csock: socket.socket = self._csock  # type: ignore[attr-defined]
        signal.set_wakeup_fd(csock.fileno())

    def add_signal_handler(self, *_: object) -> NoReturn:
        raise NotImplementedError

    def remove_signal_handler(self, *_: object) -> NoReturn:
        raise NotImplementedError

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        super().close()


class WindowsPolicy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = WindowsLoop


if __name__ == "__main__":
    let_another_thread_have_the_signals()
    take_away()
    change_select()
    asyncio.set_event_loop_policy(WindowsPolicy())
    os.environ["LASTCALL_LOOP"] = "asyncio"  # there is no uvloop
    program = Path(__file__).with_name("programs.py")
    sys.argv[0] = str(program)
    runpy.run_path(str(program), run_name="__main__")
