"""The process that owns an embedded broker: runs it with its own epmd, and ends both when its parent is gone.

Run as a file by `embedded.py`, in a session of its own: ``guard.py DIRECTORY EPMD SERVER``. Its standard input is a
pipe that the parent alone can write to; the end of it means that the parent has let go, or has been killed.
May know: the standard library. May not know: anything of this package (a bare interpreter runs it).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress

EPMD_START_SECONDS = 10.0


def main(directory: str, epmd: str, server: str) -> None:
    """Run `server` until standard input ends, then end it and remove `directory`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        cleanup.callback(_tell_the_end)
        cleanup.callback(_end, _start(epmd))
        _await_listener(int(os.environ["ERL_EPMD_PORT"]))
        broker = _start(server)
        cleanup.callback(_end, broker)
        threading.Thread(target=_watch, args=(broker,), daemon=True).start()
        sys.stdin.buffer.read()


def _start(program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(program, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the parent's choice


def _end(process: subprocess.Popen[bytes]) -> None:
    # Nothing of this broker is worth keeping, so it is not asked to close its files first.
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _await_listener(port: int) -> None:
    # epmd says nothing when it is ready, so its port is the one thing to ask.
    deadline = time.monotonic() + EPMD_START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"epmd did not listen on port {port} within {EPMD_START_SECONDS:.0f} s")


def _watch(broker: subprocess.Popen[bytes]) -> None:
    broker.wait()
    _tell_the_end()


def _tell_the_end() -> None:
    # Where the broker says that it is ready; a parent that has let go hears no more.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as parent, suppress(OSError):
        parent.sendto(b"ENDED=1", os.environ["NOTIFY_SOCKET"])


if __name__ == "__main__":
    main(*sys.argv[1:])
