"""Runs a server for as long as standard input lasts: it ends when who started it lets go, or is killed.

Run as a file: ``leash.py DIRECTORY USER COMMAND…``, in a session of its own. USER is "" where it needn't be changed.
A line on standard input says that the directory is to be kept; without one it is removed.
May know: the standard library. May not know: which server it is.
"""

import os
import shutil
import signal
import subprocess
import sys

END_SECONDS = 10


def main(directory: str, user: str, *command: str) -> None:
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, user=user or None, group=user or None, extra_groups=[] if user else None
    )
    keep = sys.stdin.readline()
    server.send_signal(signal.SIGINT)  # an orderly and quick end, for Redis and PostgreSQL alike
    try:
        server.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    os.chdir("/")
    main(*sys.argv[1:])
