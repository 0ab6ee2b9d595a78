"""One process (with all that it starts): what it has used of the CPU and of memory, and when it said what.

May know: /proc. May not know: brokers, messages.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_TICK = os.sysconf("SC_CLK_TCK")


class SubjectFailedError(Exception):
    """A subject ended, or was silent, before it had handled its messages."""


@dataclass(frozen=True)
class Mark:
    """What stood on the clocks when so many messages had been handled. Seconds."""

    messages: int
    wall: float
    cpu: float
    broker_cpu: float


def descendants(pid: int) -> list[int]:
    """The process, and all that it has started, directly or not."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children") if children.exists() else ():
        for child in task.read_text().split():
            found += descendants(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its descendants, to a nanosecond where the kernel tells."""
    total = 0.0
    for each in descendants(pid):
        try:
            total += (
                sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{each}/task").glob("*/schedstat")) / 1e9
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def rss_bytes(pid: int) -> int:
    """The most that the process has had resident, and what each of its descendants has."""
    total = 0
    for each in descendants(pid):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{each}/status").read_text())
        total += int(found[1]) * 1024 if found else 0
    return total


def resident_bytes(pid: int) -> int:
    """What the process has resident this moment."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


class Running:
    """A subject that runs, pinned to one core; its marks come from its standard output."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: IO[bytes], began: float, broker_pid: int) -> None:
        self.pid = process.pid
        self.began = began
        self._process = process
        self._errors = errors
        self._broker_pid = broker_pid

    def marks(self) -> Iterator[Mark]:
        """Each as it comes. Raises SubjectFailedError when the process ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"mark "):
                wall, cpu, broker = time.monotonic(), cpu_seconds(self.pid), cpu_seconds(self._broker_pid)
                yield Mark(int(line.split()[1]), wall, cpu, broker)
        self._errors.seek(0)
        said = self._errors.read()[-400:].decode(errors="replace")
        raise SubjectFailedError(f"it ended with exit code {self._process.wait()}: {said}")


@contextmanager
def running(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], core: int, broker_pid: int
) -> Iterator[Running]:
    """Start it, and stop all of it at the end."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=cwd,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            yield Running(process, errors, began, broker_pid)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
