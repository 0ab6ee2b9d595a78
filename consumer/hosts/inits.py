"""Init programs: they stand in front of a worker in a container, pass signals on to it, and reap strangers.

May know: process ids, what /proc tells. May not know: workers, what a signal means.

Where there is no /proc, nothing is known to be one. What this imports delays the signal handlers: it is little.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress

INITS = frozenset({"catatonit", "docker-init", "dumb-init", "podman-init", "tini"})
"""By the name of their program."""


def init_name(pid: int) -> str | None:
    """The init's name, if the process is one."""
    with suppress(OSError):
        name = _read(f"/proc/{pid}/comm").strip()
        return name if name in INITS else None
    return None


def behind(pid: int) -> int:
    """The process that an init runs: the first that it has started. Of any other process: itself.

    Strangers, left behind by their parents, become children of the init too; they are younger.
    """
    while init_name(pid) is not None and (children := sorted(_children(pid))):
        _, pid = children[0]
    return pid


def leave_group() -> None:
    """On a terminal, leave the process group of the init that has started this process, by a session of its own.

    A terminal sends Ctrl+C to the whole group in front, the init passes its own on, and it would count as two stops:
    `dumb-init --single-child` has its child in its group. From a session of its own the init's is the only one.
    """
    if sys.platform == "win32" or init_name(parent := os.getppid()) is None:
        return
    with suppress(OSError):  # there is no terminal, or the parent has just ended
        os.close(os.open("/dev/tty", os.O_RDONLY))
        if os.getpgid(parent) == os.getpgrp():
            os.setsid()


def _children(pid: int) -> Iterator[tuple[int, int]]:
    """When each was started, in ticks since the machine's start, and its process id."""
    for each in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - pathlib is slow to import
        with suppress(OSError):  # it has just ended
            behind_its_name = _read(f"/proc/{each}/stat").rpartition(")")[2]  # which may hold anything
            _state, parent, *more = behind_its_name.split()
            if int(parent) == pid:
                yield int(more[17]), int(each)


def _read(path: str) -> str:
    with open(path, errors="replace") as file:  # noqa: PTH123 - as above
        return file.read()
