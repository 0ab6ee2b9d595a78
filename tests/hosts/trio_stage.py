"""A worker on the fake broker inside trio, in this process: for what the trio host promises, step by step.

May know: the worker, the fake broker, trio. May not know: what a test promises.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import trio
import trio.testing

from consumer import Settings, Worker
from consumer.core.events import Event, EventName
from consumer.engine.report import Report
from consumer.testing.fake import FakeBroker
from tests.engine.stage import BOUND, LONG

_patches: dict[tuple[Any, str], tuple[Any, Any]] = {}


@contextmanager
def trio_asyncio_at_work() -> Iterator[None]:
    """trio-asyncio puts functions of its own in the place of asyncio's at its import: here for a test, then no more."""
    modules = (asyncio, asyncio.events, asyncio.tasks)
    if not _patches:
        before = {(module, name): value for module in modules for name, value in vars(module).items()}
        import consumer.hosts.trio_life  # noqa: F401, PLC0415 - it imports trio-asyncio

        _patches.update({key: (value, vars(key[0])[key[1]]) for key, value in before.items()})
    for (module, name), (_before, after) in _patches.items():
        setattr(module, name, after)
    try:
        yield
    finally:
        for (module, name), (before_it, _after) in _patches.items():
            setattr(module, name, before_it)


def in_trio(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run the test in trio. Where nothing can go on but time, time goes on: no timeout is waited for."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        async def bounded() -> None:
            with trio.fail_after(10 * LONG):
                await test(**fixtures)

        with trio_asyncio_at_work():
            trio.run(bounded, clock=trio.testing.MockClock(autojump_threshold=0))

    return run


class TrioStage:
    """One worker, one fake broker, everything that the worker told."""

    def __init__(self) -> None:
        self.fake = FakeBroker()
        self.events: list[Event] = []
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.report: Report | None = None
        self.worker = self.make()
        self._news: list[trio.Event] = []

    def make(self, **settings: object) -> Worker:
        """A worker with these settings, in place of the one before."""
        given = {"amqp_url": "amqp://guest:guest@127.0.0.1/", "drain_timeout": LONG, "blocked_after": "none"}
        self.worker = Worker(Settings.load(**{**given, **settings}), broker=self.fake)
        self.worker.observe(self._note)
        return self.worker

    async def serve(self) -> None:
        """Until it has drained: `report` says how that went."""
        self.report = await self.worker.serve_trio()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve meanwhile; at the end drain, if nothing has made it do so before."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.serve)
            yield
            self.worker.stop()

    async def told(self, name: EventName, number: int = 1) -> None:
        """Return when the worker has told of so many events of this name."""
        with trio.move_on_after(BOUND):
            while len(self.of(name)) < number:
                news = trio.Event()
                self._news.append(news)
                await news.wait()
        assert len(self.of(name)) >= number, f"not told of {number} {name}, but of {self.events[-30:]}"

    def put(self, *names: str, queue: str = "orders") -> None:
        for name in names:
            self.fake.put(queue, message_id=name)

    def of(self, name: EventName) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def ids(self, name: EventName) -> list[str]:
        """In the order of their names: trio's tasks run in any order."""
        return sorted(str(event.message_id) for event in self.of(name))

    def ready(self, queue: str = "orders") -> list[str | None]:
        return [message.message_id for message in self.fake.ready(queue)]

    def reason(self, queue: str = "orders.parked") -> object:
        """Why the one message there was set aside."""
        (parked,) = self.fake.ready(queue)
        return parked.properties.headers["x-lastcall-reason"]

    def _note(self, event: Event) -> None:
        self.events.append(event)
        if event.name == "connected":
            self.loops.append(asyncio.get_running_loop())
        news, self._news = self._news, []
        for each in news:
            each.set()


@pytest.fixture
def trio_stage(bare_environment: object) -> TrioStage:
    return TrioStage()
