"""A load that workers are kept under while faults befall them, and what is left of it in the end.

May know: the crew, the sender. May not know: what the faults are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.loss.crew import Crew, StalledError, crew
from bench.loss.options import Options, Tell
from bench.loss.queues import Sender, sender, taken_out
from bench.loss.story import Story

BATCH = 50
"""So many messages are published at once."""
WINDOW = 500
"""So many messages are published ahead of what is done."""
PREFIX = "loss."
QUEUE = f"{PREFIX}load"

Fault = Callable[[Crew], Awaitable[None]]


@dataclass(slots=True)
class Result:
    """What came of a load."""

    messages: int
    faults: int
    story: Story
    sent_again: set[str]
    lost: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    exit_codes: list[int] = field(default_factory=list)
    stalled: str | None = None

    @property
    def run_twice(self) -> set[str]:
        """Started more often than once, though published once."""
        return {name for name, count in self.story.starts.items() if count > 1} - self.sent_again

    @property
    def at_once_in_one_worker(self) -> set[str]:
        """Started in a worker in which they ran already, though published once."""
        return self.story.twice_at_once - self.sent_again

    @property
    def completed_twice(self) -> set[str]:
        """Whose handler came to its end more often than once, though published once."""
        return {name for name, count in self.story.finishes.items() if count > 1} - self.sent_again

    def details(self) -> dict[str, object]:
        """For the JSON."""
        return {
            "messages": self.messages,
            "faults": self.faults,
            "lost": self.lost[:20],
            "left_in_queues": len(self.left),
            "published_again": len(self.sent_again),
            "run_twice": len(self.run_twice),
            "finished_twice": len(self.completed_twice),
            "at_once_in_one_worker": len(self.at_once_in_one_worker),
            "run_after_completion": len(self.story.run_after_completion),
            "seconds_until_back": {
                "median": round(median(self.story.back_after or [0]), 2),
                "worst": round(max(self.story.back_after, default=0), 2),
            },
            "events": dict(self.story.counts),
            "exit_codes": self.exit_codes,
            "stalled": self.stalled,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, on which worker, and where it publishes (the worker may be reached by another way).

    Messages are published until there are so many, and as long as faults are due; `pace` is how many a second at most.
    """

    what: str
    messages: int
    faults: int
    publish_to: Sequence[str]
    worker_url: str
    target: str = "short"
    workers: int = 2
    pace: float = 500
    environment: dict[str, str] = field(default_factory=dict)


class Load:
    """Publishes while faults befall the workers, evenly spread over the load."""

    def __init__(self, plan: Plan, tell: Tell, crew: Crew, sender: Sender) -> None:
        self._plan = plan
        self._tell = tell
        self._crew = crew
        self._sender = sender
        self._published = 0
        self._faults_over = not plan.faults

    async def run(self, fault: Fault) -> Result:
        """Until everything is done, or nothing moves any more; the workers have left in the first case."""
        story = self._crew.story
        result = Result(0, 0, story, self._sender.sent_again)
        await self._crew.start()
        publishing = asyncio.create_task(self._publish())
        try:
            await self._befall(fault, result)
            await publishing
            await self._crew.until_done(self._published)
            result.exit_codes = await self._crew.send_home()
        except StalledError as error:
            result.stalled = str(error)
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
            result.messages = self._published
        return result

    async def _befall(self, fault: Fault, result: Result) -> None:
        plan = self._plan
        for number in range(1, plan.faults + 1):
            await self._crew.until_done(number * plan.messages // (plan.faults + 1))
            await fault(self._crew)
            result.faults = number
            self._tell(plan.what, number, plan.faults)
        self._faults_over = True

    async def _publish(self) -> None:
        plan, story = self._plan, self._crew.story
        while self._published < plan.messages or not self._faults_over:
            first, after = self._published, self._published + BATCH
            await self._crew.until("room to publish", lambda: self._published - len(story.done) < WINDOW)
            pause = asyncio.create_task(asyncio.sleep(BATCH / plan.pace))
            await asyncio.gather(*(self._sender.send(f"m-{number}") for number in range(first, after)))
            self._published = after
            await pause


async def under_load(plan: Plan, options: Options, fault: Fault) -> Result:
    """The load, from its first worker to what is left in the queues."""
    environment = {"LASTCALL_AMQP_URL": plan.worker_url, "LASTCALL_QUEUE_PREFIX": PREFIX, **plan.environment}
    async with (
        sender(*plan.publish_to, queue=QUEUE) as way_in,
        crew(plan.target, plan.workers, options.folder, environment) as workers,
    ):
        result = await Load(plan, options.tell, workers, way_in).run(fault)
    result.left = [*await taken_out(QUEUE, *plan.publish_to), *await taken_out(f"{QUEUE}.parked", *plan.publish_to)]
    names = {f"m-{number}" for number in range(result.messages)}
    result.lost = sorted(names - result.story.done - set(result.left))
    return result
