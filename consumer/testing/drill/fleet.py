"""The worker processes of a drill: started, signalled, waited for, and never left behind.

May know: processes and signals. May not know: queues, messages, the plan.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.testing.drill.verdict import Exit, Signal

STDERR_SHOWN = 4_000  # bytes of a worker's last words that are shown


@dataclass(slots=True)
class Process:
    """One `lastcall run`."""

    number: int
    log: Path
    child: asyncio.subprocess.Process
    asked: Signal | None = None
    left: Exit | None = None

    @property
    def pid(self) -> int:
        """The worker's process id, under which it writes its events."""
        return self.child.pid

    def last_words(self) -> str:
        """The end of what it wrote to stdout and stderr."""
        return self.log.read_bytes()[-STDERR_SHOWN:].decode(errors="replace").strip()


class Fleet:
    """Starts workers in sessions of their own, so that Ctrl+C reaches the drill alone. Leaving it kills all."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        self.processes: list[Process] = []
        self._command = [sys.executable, "-m", "consumer", "run", *command]
        self._environment = {**os.environ, **environment}
        self._directory = directory
        self._watchers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL to all that still run; returns when they are gone."""
        for process in self.running():
            process.child.kill()
        await asyncio.gather(*self._watchers)

    def running(self) -> list[Process]:
        """Those that haven't left, told to or not."""
        return [process for process in self.processes if process.left is None]

    async def start(self) -> None:
        """Start one more worker."""
        number = len(self.processes) + 1
        log = self._directory / f"worker-{number}.log"
        with log.open("wb") as output:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(number, log, child)
        self.processes.append(process)
        self._watchers.append(asyncio.create_task(self._watch(process)))

    def stop(self, process: Process) -> None:
        """SIGTERM, as a pod gets it."""
        process.asked = Signal(process.pid, time.monotonic())
        process.child.send_signal(signal.SIGTERM)

    async def _watch(self, process: Process) -> None:
        code = await process.child.wait()
        process.left = Exit(process.pid, code, time.monotonic())
