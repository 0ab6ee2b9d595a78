"""A worker on the fake broker, and what a test needs to set the scene and to look at what happened.

Nothing here sleeps: a test waits for an event, a handler's start or a gate, each within a bound.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from consumer.core.events import Event, EventName
from consumer.delivery import Delivery
from consumer.engine.report import Report
from consumer.settings import Settings
from consumer.testing.fake import FakeBroker
from consumer.worker import Worker

T = TypeVar("T")
BOUND = 5.0
"""Seconds after which a wait has failed."""
LONG = 60.0
"""A drain timeout, in seconds, that no test reaches."""


async def within(awaitable: Awaitable[T], seconds: float = BOUND) -> T:
    async with asyncio.timeout(seconds):
        return await awaitable


async def turns(number: int = 20) -> None:
    """Let the loop run so many turns: enough for whatever is ready to happen, to happen."""
    for _ in range(number):
        await asyncio.sleep(0)


class Handling:
    """A handler whose runs wait until the test ends them, message by message."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.deliveries: dict[str, Delivery] = {}
        self._begun: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._ends: defaultdict[str, asyncio.Future[None]] = defaultdict(asyncio.get_running_loop().create_future)

    async def run(self, delivery: Delivery) -> None:
        name = str(delivery.message_id)
        self.started.append(name)
        self.deliveries[name] = delivery
        self._begun[name].set()
        try:
            await asyncio.shield(self._ends[name])
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        finally:
            self.ended.append(name)

    async def begun(self, *names: str) -> None:
        for name in names:
            await within(self._begun[name].wait())

    def finish(self, *names: str) -> None:
        for name in names:
            self._ends[name].set_result(None)

    def fail(self, name: str, error: Exception) -> None:
        self._ends[name].set_exception(error)

    def forget(self, name: str) -> None:
        """The next run of this message waits for an end of its own."""
        del self._begun[name], self._ends[name]


class Stage:
    """One worker, one fake broker, everything that the worker told, and one handler to steer."""

    def __init__(self) -> None:
        self.fake = FakeBroker()
        self.events: list[Event] = []
        self.loop_problems: list[dict[str, Any]] = []
        self.handling = Handling()
        self.worker = self.make()
        self._told: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._serving: asyncio.Task[Report] | None = None
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.loop_problems.append(context))

    def make(self, **settings: object) -> Worker:
        """A worker with these settings, in place of the one before."""
        given = {"amqp_url": "amqp://guest:guest@127.0.0.1/", "drain_timeout": LONG, **settings}
        self.worker = Worker(Settings.load(**given), broker=self.fake)
        self.worker.observe(self.note)
        return self.worker

    def handle(self, queue: str = "orders", *, concurrency: int = 2, **options: Any) -> None:
        """Register the handler that the test steers, with these options of `Worker.handler`."""

        @self.worker.handler(queue, concurrency=concurrency, **options)
        async def work(delivery: Delivery) -> None:
            await self.handling.run(delivery)

    def put(self, *names: str, queue: str = "orders", headers: Mapping[str, object] | None = None) -> None:
        for name in names:
            self.fake.put(queue, message_id=name, headers=headers)

    def start(self) -> "asyncio.Task[Report]":
        self._serving = asyncio.create_task(self.worker.serve(), name="serve")
        return self._serving

    def start_again(self) -> "asyncio.Task[Report]":
        """A second worker beside the first, with the same handler; returns the first one's run."""
        first = self.serving
        self.make()
        self.handle()
        self.start()
        return first

    async def running(self, *names: str) -> None:
        """Start the worker; return when the handlers of these messages run."""
        self.start()
        await self.told("consuming")
        await self.handling.begun(*names)

    @property
    def serving(self) -> "asyncio.Task[Report]":
        """The task that awaits `serve()`."""
        assert self._serving is not None
        return self._serving

    async def report(self) -> Report:
        """The run's report, once it has ended."""
        return await within(self.serving)

    async def drained(self) -> Report:
        """Stop, and the report."""
        self.worker.stop()
        return await self.report()

    async def told(self, name: EventName, number: int = 1, message_id: str | None = None) -> None:
        """Return when the worker has told of so many events of this name."""

        def enough() -> bool:
            return sum(message_id in {None, event.message_id} for event in self.of(name)) >= number

        if not enough():
            woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._told.append((enough, woken))
            ends: list[asyncio.Future[Any]] = [woken] if self._serving is None else [woken, self._serving]
            await asyncio.wait(ends, timeout=BOUND, return_when=asyncio.FIRST_COMPLETED)
            assert enough(), f"not told of {number} {name} ({message_id}), but of {self.events[-30:]}"

    def of(self, name: EventName) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def ids(self, name: EventName) -> list[str | None]:
        return [event.message_id for event in self.of(name)]

    def ready(self, queue: str = "orders") -> list[str | None]:
        return [message.message_id for message in self.fake.ready(queue)]

    def unacked(self, queue: str = "orders") -> list[str | None]:
        return [message.message_id for message in self.fake.unacked(queue)]

    def note(self, event: Event) -> None:
        self.events.append(event)
        for enough, woken in self._told:
            if not woken.done() and enough():
                woken.set_result(None)

    async def strike(self) -> None:
        """End what the test has left running."""
        if self._serving is not None and not self._serving.done():
            self.worker.stop_now("the test is over")
            await asyncio.wait({self._serving}, timeout=BOUND)
