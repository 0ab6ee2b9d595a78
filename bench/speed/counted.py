"""`python -m bench.speed.counted`: instructions a message of whole programs, ours and the peers', counted by valgrind.

What a busy machine does to times it does not do to these: they come out the same to a hundredth. They say nothing of
caches, and the kernel's are not among them. The difference between a short and a long run leaves start and end out.

May know: the broker, subjects, valgrind. May not know: rounds, times.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bench.instructions import VALGRIND
from bench.speed.aims import AIMS
from bench.speed.broker import broker, delete, fill
from bench.speed.measure import BODY, Bench
from bench.speed.prepare import prepare
from bench.speed.process import SubjectFailedError
from bench.speed.subjects import OURS, PROGRAMS, SUBJECTS, Subject

BUILD = Path(__file__).parents[2] / "build" / "bench"
SHORT, LONG = 1000, 3000
"""Messages of the two runs."""
QUEUE = "bench-counted"
SLOWER = {"LASTCALL_HEARTBEAT": "600", "LASTCALL_BLOCKED_AFTER": "none"}
"""Under valgrind everything takes fifty times as long, which is nothing to be told."""


class Count(NamedTuple):
    """Instructions: of a message, and of all that is done once, from `exec` to the first and from the last on."""

    message: float
    rest: float


def main() -> None:
    """Count, and write the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if shutil.which(VALGRIND[0]) is None:
        raise SystemExit("valgrind is not here. Type: sudo apt-get install -y valgrind")
    console = Console(stderr=True)
    console.print("everybody's environment (some minutes the first time)")
    BUILD.mkdir(parents=True, exist_ok=True)
    versions = prepare(BUILD)
    counts: dict[str, Count] = {}
    with broker(core=0) as running:
        bench = Bench(running, BUILD, LONG, core=(os.cpu_count() or 1) - 1)
        for subject in _subjects():
            count = counts[subject.name] = counted(bench, subject)
            console.print(f"{subject.name}: {count.message:,.0f} instructions a message")
    lines = [
        "| | version | instructions a message | ours takes of it | start and end, millions | ours takes of it |",
        "|---|---|---|---|---|---|",
    ]
    for subject in _subjects():
        version = " ".join(versions.get(package, "") for package in subject.packages)
        count, ours = counts[subject.name], counts[OURS]
        message = f"{count.message:,.0f} | {ours.message / count.message:.2f}"
        lines.append(
            f"| {subject.name} | {version} | {message} | {count.rest / 1e6:,.0f} | {ours.rest / count.rest:.2f} |"
        )
    print("\n".join(lines))


def counted(bench: Bench, subject: Subject) -> Count:
    """Raises SubjectFailedError."""
    short, long = (_instructions(bench, subject, count) for count in (SHORT, LONG))
    message = (long - short) / (LONG - SHORT)
    return Count(message, short - SHORT * message)


def _subjects() -> list[Subject]:
    """Ours, and those whose CPU time or start ours is held against."""
    names = {name for aim in AIMS if aim.what in {"cpu", "start"} for name in (aim.of, aim.by)}
    return [each for each in SUBJECTS if each.name in names]


def _instructions(bench: Bench, subject: Subject, count: int) -> int:
    fill(bench.broker.url, QUEUE, BODY, count)
    environment = {**bench.environment(subject, QUEUE, count), "PYTHONHASHSEED": "0", **SLOWER}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            ["taskset", "-c", str(bench.core), *VALGRIND, *bench.words(subject)],
            cwd=PROGRAMS,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line == b"mark %d\n" % count:
                process.send_signal(signal.SIGTERM)
        process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    delete(bench.broker.url, QUEUE)
    found = re.search(r"I\s+refs:\s+([\d,]+)", said)
    if found is None:
        raise SubjectFailedError(f"valgrind did not count {subject.name}: {said[-400:]}")
    return int(found[1].replace(",", ""))


if __name__ == "__main__":
    main()
