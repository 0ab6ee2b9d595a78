"""Worker processes and their story, followed as it is written.

May know: the drill's fleet and journal. May not know: brokers, what is done to the workers.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.loss.story import Story
from consumer.testing.drill.fleet import Fleet, Process
from consumer.testing.drill.journal import Journal

TICK = 0.05
"""Seconds between two looks at the file that the workers write to."""
PATIENCE = 180.0
"""Seconds without any event after which nothing is waited for any more."""


class StalledError(Exception):
    """Nothing has moved for too long; the text is what was waited for, and the workers' last words."""


class Crew:
    """So many workers, each replaced when it has gone."""

    def __init__(self, fleet: Fleet, story: Story, size: int) -> None:
        self.story = story
        self._fleet = fleet
        self._size = size
        self._news = asyncio.Condition()
        self._moved_at = time.monotonic()

    @property
    def workers(self) -> list[Process]:
        """Those that run."""
        return self._fleet.running()

    async def start(self) -> None:
        """Start as many as are missing, and wait until all consume."""
        while len(self.workers) < self._size:
            await self._fleet.start()
        await self.until("workers that consume", self.all_consume)

    def all_consume(self) -> bool:
        """Whether every worker is ready, as far as it has told."""
        return len({each.pid for each in self.workers} & self.story.consuming) == self._size

    async def kill(self, worker: Process) -> None:
        """SIGKILL; returns when all that it has told is known."""
        worker.child.kill()
        await worker.child.wait()
        await self._next_look()
        await self._next_look()  # the one before may have begun before its last line
        self.story.consuming.discard(worker.pid)

    async def send_home(self) -> list[int]:
        """SIGTERM to all; the exit codes of all that were told to leave."""
        for worker in self.workers:
            self._fleet.stop(worker)
        await self.until("workers that leave", lambda: not self.workers)
        return [each.left.code for each in self._fleet.processes if each.asked and each.left]

    async def until_done(self, number: int) -> None:
        """Returns when so many messages are done. Raises StalledError."""
        await self.until(f"{number} messages done", lambda: len(self.story.done) >= number)

    async def until(self, what: str, reached: Callable[[], bool]) -> None:
        """Returns when that is so. Raises StalledError when nothing is told for too long."""
        async with self._news:
            while not reached():
                if time.monotonic() - self._moved_at > PATIENCE:
                    raise StalledError(f"no {what} for {PATIENCE:g} s\n{self._last_words()}")
                await self._news.wait()

    async def follow(self, journal: Journal) -> None:
        """Read what is written, for ever."""
        while True:
            if records := journal.read_new():
                self._moved_at = time.monotonic()
                self.story.take(records)
            async with self._news:
                self._news.notify_all()
            await asyncio.sleep(TICK)

    async def _next_look(self) -> None:
        async with self._news:
            await self._news.wait()

    def _last_words(self) -> str:
        return "\n".join(each.last_words()[-800:] for each in self._fleet.processes[-self._size :])


@asynccontextmanager
async def crew(target: str, size: int, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Crew]:
    """Workers of `bench.loss.workers:TARGET`; none is left behind."""
    events = folder / "events.jsonl"
    command = [f"bench.loss.workers:{target}", f"--events={events}", "--log-level=warning"]
    with Journal(events) as journal:
        async with Fleet(command, environment, folder) as fleet:
            crew = Crew(fleet, Story(), size)
            following = asyncio.create_task(crew.follow(journal))
            try:
                yield crew
            finally:
                following.cancel()
                await asyncio.wait({following})
