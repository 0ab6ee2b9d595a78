"""Real worker processes: started, followed line by line, signalled, waited for, and never left behind.

May know: processes, pipes, signals, the event stream's keys. May not know: queues, brokers, what a test promises.
No wait in here polls: events come through the worker's stdout (`--events -`), its log through its stderr.
"""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import Any

from tests.transports import clean_environment

PATIENCE = 20.0
"""Seconds that a test waits for what must come, on a machine that is busy with other things."""
MARGIN = 1.0 + 0.5
"""Seconds after the drain timeout within which a worker that was told to stop must have ended, and those that a busy
machine may add."""
HERE = Path(__file__).parent

Event = dict[str, Any]


class WorkerProcess:
    """One `lastcall run`, with all that it has said so far."""

    def __init__(self, child: Process) -> None:
        self.events: list[Event] = []
        self.output: list[str] = []
        self.log: list[str] = []
        self.gone_at = float("inf")
        self._named: defaultdict[str, list[Event]] = defaultdict(list)
        self._child = child
        self._news = asyncio.Condition()
        self._following = asyncio.gather(
            self._follow(child.stdout, self._take_output), self._follow(child.stderr, self.log.append), self._reap()
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.returncode is None

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._child.returncode

    @property
    def owns_its_signals(self) -> bool:
        """Whether its first line has run, so that SIGTERM is caught (only Linux tells)."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return False
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
        return bool(int(caught, 16) >> (Signals.SIGTERM - 1) & 1)

    def named(self, name: str, **data: object) -> list[Event]:
        """The events of this name with these data, so far."""
        return [each for each in self._named[name] if data.items() <= each.items()]

    def ids(self, name: str, **data: object) -> list[str]:
        """The message ids of these events, so far."""
        return [each["message_id"] for each in self.named(name, **data)]

    async def until(self, name: str, count: int = 1, **data: object) -> list[Event]:
        """These events, once there are so many."""
        await self._until(f"{count} x {name} {data or ''}", lambda: len(self.named(name, **data)) >= count)
        return self.named(name, **data)

    async def until_each(self, name: str, message_ids: Iterable[str], **data: object) -> None:
        """Until each of these messages had such an event."""
        wanted = set(message_ids)
        await self._until(
            f"{name} {data or ''} of each of {sorted(wanted)}", lambda: wanted <= {*self.ids(name, **data)}
        )

    async def until_logged(self, text: str, count: int = 1) -> None:
        """Until so many log lines hold the text."""
        await self._until(f"{count} x log line {text!r}", lambda: sum(text in line for line in self.log) >= count)

    def signal(self, number: Signals) -> float:
        """Send it; when that was. Nothing happens if the process has ended."""
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)  # not by Popen, which looks for its exit code, and takes it from asyncio
        return time.monotonic()

    async def exit(self, within: float = PATIENCE) -> int:
        """Its exit code, once it has ended (within so many seconds from now) and all that it said is here."""
        await asyncio.wait({self._following}, timeout=within)
        if self._child.returncode is None or not self._following.done():
            raise AssertionError(self._told(f"it did not end within {within:.1f} s"))
        return self._child.returncode

    async def kill(self) -> None:
        """SIGKILL, if it still runs; returns when it is gone."""
        self.signal(Signals.SIGKILL)
        await self._following

    async def _until(self, what: str, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: condition() or not self.running)
        except TimeoutError:
            raise AssertionError(self._told(f"no {what} within {PATIENCE:.0f} s")) from None
        if not condition():  # what it said last may still be in the pipe
            await self.exit()
            assert condition(), self._told(f"it ended without {what}")

    async def _follow(self, stream: asyncio.StreamReader | None, take: Callable[[str], None]) -> None:
        assert stream is not None
        async for line in stream:
            take(line.decode().rstrip("\n"))
            await self._tell()

    async def _reap(self) -> None:
        await self._child.wait()
        self.gone_at = time.monotonic()
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _take_output(self, line: str) -> None:
        self.output.append(line)
        if line.startswith("{"):
            event = json.loads(line)
            self.events.append(event)
            self._named[event["event"]].append(event)

    def _told(self, problem: str) -> str:
        seen = "\n".join(
            f"  {each['monotonic']:.3f} {each['event']} {each['message_id'] or ''}" for each in self.events
        )
        return f"worker {self.pid}: {problem}; its events:\n{seen}\nits log:\n" + "\n".join(self.log[-40:])


class Workers:
    """Starts workers from `workers.py`; `close` kills those that are left."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
        self._environment = {**clean_environment(), "PYTHONPATH": path, **environment}
        self._started: list[WorkerProcess] = []

    async def start(
        self, *flags: str, worker: str = "worker", events: str = "-", env: Mapping[str, str] | None = None
    ) -> WorkerProcess:
        """Start one, in a session of its own; it may not even have begun to import when this returns."""
        command = (sys.executable, "-m", "consumer", "run", f"workers:{worker}", "--events", events)
        return await self.launch(*command, *flags, env=env)

    async def launch(self, *command: str, env: Mapping[str, str] | None = None) -> WorkerProcess:
        """Start any program that writes an event stream, as `start` does."""
        child = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._directory,
            env={**self._environment, **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
        process = WorkerProcess(child)
        self._started.append(process)
        return process

    async def consuming(
        self, *flags: str, worker: str = "worker", env: Mapping[str, str] | None = None
    ) -> WorkerProcess:
        """Start one and wait until it consumes."""
        process = await self.start(*flags, worker=worker, env=env)
        await process.until("consuming")
        return process

    async def close(self) -> None:
        """SIGKILL to all that still run."""
        await asyncio.gather(*(process.kill() for process in self._started))
