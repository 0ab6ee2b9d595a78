"""One run of one subject on one filled queue, and what it cost.

May know: processes, the broker, subjects. May not know: rounds, tables.
"""

import json
import os
import signal
import subprocess
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.speed.broker import Broker, delete, fill
from bench.speed.process import Mark, Running, SubjectFailedError, rss_bytes, running
from bench.speed.subjects import PROGRAMS, Subject

PATIENCE = 120.0
"""Seconds that a subject has for its messages."""
BODY = json.dumps({"id": "0123456789abcdefghij", "cents": 4200, "note": "n" * 140}).encode()


@dataclass(frozen=True)
class Result:
    """CPU in µs a message, rate in messages/s, both over the last 90 %; memory in bytes; start in seconds."""

    subject: str
    cpu: float
    broker_cpu: float
    rate: float
    rss: int
    start: float

    def as_dict(self) -> dict[str, object]:
        """For a JSON line."""
        return asdict(self)


@dataclass(frozen=True)
class Bench:
    """What all runs have in common."""

    broker: Broker
    build: Path
    messages: int
    core: int

    def words(self, subject: Subject) -> list[str]:
        """Its command."""
        everybody = self.build / "everybody"
        places = {"python": f"{everybody}/bin/python", "bin": f"{everybody}/bin", "build": str(self.build)}
        return [word.format(**places) for word in subject.command]

    def environment(self, subject: Subject, queue: str, count: int) -> dict[str, str]:
        """What its process finds in the environment, beside what is there."""
        return {
            "BENCH_URL": self.broker.url,
            "BENCH_QUEUE": queue,
            "BENCH_COUNT": str(count),
            "LASTCALL_AMQP_URL": self.broker.url,
            "PYTHONPATH": "",
            **subject.environment,
        }

    def run(self, subject: Subject, queue: str) -> Result:
        """Raises SubjectFailedError."""
        count = max(1000, round(self.messages * subject.share / 1000) * 1000)
        environment = self.environment(subject, queue, count)
        self._fill(subject, queue, count, environment)
        try:
            with running(self.words(subject), PROGRAMS, environment, self.core, self.broker.pid) as process:
                return _result(subject, process, count)
        finally:
            delete(self.broker.url, queue)

    def _fill(self, subject: Subject, queue: str, count: int, environment: dict[str, str]) -> None:
        if subject.fills is None:
            fill(self.broker.url, queue, BODY, count)
            return
        delete(self.broker.url, queue)
        command = [f"{self.build}/everybody/bin/python", subject.fills, "fill"]
        done = subprocess.run(
            command,
            cwd=PROGRAMS,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise SubjectFailedError(f"it could not fill its queue: {done.stderr[-300:]}")


def _result(subject: Subject, process: Running, count: int) -> Result:
    watchdog = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
    watchdog.start()
    try:
        marks: dict[int, Mark] = {}
        for mark in process.marks():
            marks[mark.messages] = mark
            if mark.messages == count:
                break
        rss = rss_bytes(process.pid)
    finally:
        watchdog.cancel()
    first, warm, last = marks[1], marks[count // 10], marks[count]
    messages = last.messages - warm.messages
    return Result(
        subject.name,
        cpu=(last.cpu - warm.cpu) / messages * 1e6,
        broker_cpu=(last.broker_cpu - warm.broker_cpu) / messages * 1e6,
        rate=messages / (last.wall - warm.wall),
        rss=rss,
        start=first.wall - process.began,
    )
