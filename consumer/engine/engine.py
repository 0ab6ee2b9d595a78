"""The engine: one run of a worker, from its start to its report.

May know: every part of the engine, and in which order they live. May not know: AMQP, signals, settings files.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from consumer.broker.port import Broker, Publisher
from consumer.core.events import Audience, Event
from consumer.core.ledger import Ledger
from consumer.core.lifecycle import Happening, Lifecycle, Phase
from consumer.core.snapshot import Snapshot
from consumer.delivery import Draining
from consumer.engine.attempt import Attempt
from consumer.engine.background import Background, BackgroundTask
from consumer.engine.budget import Budget
from consumer.engine.counted import CountedPublisher
from consumer.engine.deadline import Deadline
from consumer.engine.dispatcher import Dispatcher
from consumer.engine.drain import LETTING_GO, Crew, drain
from consumer.engine.handler import Handler
from consumer.engine.idle import IdleWatch
from consumer.engine.inboxes import Inboxes
from consumer.engine.lifespan import Lifespan
from consumer.engine.notes import Notes
from consumer.engine.owned import Owner
from consumer.engine.parking import Parking
from consumer.engine.pools import Pools
from consumer.engine.putting_off import PuttingOff
from consumer.engine.quiet import Quiet
from consumer.engine.report import Report
from consumer.engine.returning import Returning
from consumer.engine.runs import Runs
from consumer.engine.settler import Settler
from consumer.engine.snapshots import Snapshots
from consumer.engine.stop import StopRequest
from consumer.engine.subscription import Subscription
from consumer.engine.supervisor import Patience, Supervisor
from consumer.engine.waiting import ended_or_cancelled, first_of
from consumer.engine.work import Work
from consumer.errors import BrokerAway, BrokerRefused, LastcallError
from consumer.inbox.owner import new_owner

if TYPE_CHECKING:
    from consumer.engine.once import Once


class Plan(NamedTuple):
    """What an engine is to run. Times in seconds. `wrap_publisher`: for what users publish; copies go without."""

    handlers: Sequence[Handler]
    patience: Patience
    drain_timeout: float
    draining: Draining
    max_messages: int | None = None
    idle_timeout: float | None = None
    lifespan: AbstractAsyncContextManager[object] | None = None
    background: Sequence[BackgroundTask] = ()
    wrap_publisher: Callable[[Publisher], Publisher] | None = None


class Engine:
    """Runs once. Made and used on the loop's thread."""

    def __init__(self, plan: Plan, broker: Broker, audience: Audience) -> None:
        loop = asyncio.get_running_loop()
        self.stop = StopRequest()
        self.quiet = Quiet(self._resumed)
        self.lifecycle = Lifecycle()
        self._owner = Owner(self.stop.interrupt)
        idle = None if plan.idle_timeout is None else IdleWatch(plan.idle_timeout, loop, lambda: self.stop.ask("idle"))
        self._notes = Notes(audience, self._owner.outside(audience), idle)
        self.background = Background(plan.background, self._owner, self._notes, self._background_crashed)
        self._plan = plan
        self._clock: Callable[[], float] = loop.time
        self._draining = plan.draining
        self._lifespan = Lifespan(plan.lifespan, self._owner, self._lifespan_ended)
        self._failure: BaseException | None = None
        counted = CountedPublisher(self._owner.context.run(broker.publisher))
        self.publisher: Publisher = counted
        self.users_publisher = counted if plan.wrap_publisher is None else plan.wrap_publisher(counted)
        self._settler = Settler(Ledger(), self._notes)
        self._claimant = new_owner()
        self._once: list[Once] = []
        budget = Budget(plan.max_messages, lambda: self.stop.ask("max messages reached"))
        subscriptions = [Subscription(self._dispatcher(handler, budget), self._notes) for handler in plan.handlers]
        self._inboxes = Inboxes(self._once, self._notes)
        pools = [each.processes for each in plan.handlers if each.processes is not None]
        self._pools = Pools(pools, self._draining, self._notes)
        self._supervisor = Supervisor(
            broker, subscriptions, plan.patience, self.stop, self.quiet, self.lifecycle, self._notes
        )
        self._snapshots = Snapshots(
            self.lifecycle,
            self.stop,
            self.quiet,
            self._supervisor,
            self.background,
            self._notes,
            counted.published,
            plan.drain_timeout,
            monotonic,
        )

    def begin(self) -> "asyncio.Task[Report]":
        """`run` in a task that nobody but the engine can cancel."""
        return self._owner.begin(self.run(), "lastcall engine")

    async def run(self) -> Report:
        """Consume until a stop is asked for, then drain. The report says how it went, failures included."""
        self.lifecycle.move(Happening.START)
        supervising = asyncio.create_task(self._live(), name="lastcall supervisor")
        await first_of(supervising, self.stop.asked)
        deadline = Deadline(self._clock, self._plan.drain_timeout, self.stop.hurried)
        error = self._failure or _error_of(supervising)
        self.stop.ask(f"failed: {_shown(error)}")
        orphans = await self._drain(deadline, Happening.STOP if error is None else Happening.FAILED)
        await asyncio.wait({supervising}, timeout=deadline.remaining(extra=LETTING_GO + 0.3, at_most=1.0))
        error = error or _error_of(supervising)
        supervising.cancel()
        await self._close(deadline)
        return self._report(deadline, orphans, error)

    async def _live(self) -> None:
        """The life before the drain. Raises what makes going on impossible."""
        if self.stop.asked.done():
            return
        self._lifespan.open()
        await first_of(self._lifespan.opened, self.stop.asked)
        if self.stop.asked.done():
            return
        self._lifespan.opened.result()
        await self._inboxes.open()
        if self.stop.asked.done():
            return
        opening = asyncio.create_task(self._pools.open(), name="lastcall processes")
        await first_of(opening, self.stop.asked)
        if not await ended_or_cancelled(opening) or self.stop.asked.done():
            return
        self.background.start()
        await self._supervisor.run()

    async def _drain(self, deadline: Deadline, why: Happening) -> list[str]:
        self.lifecycle.move(why)
        self._snapshots.draining_since = monotonic()
        dispatchers = [each.dispatcher for each in self._supervisor.subscriptions]
        counts = {
            "in_flight": sum(len(each.in_flight) for each in dispatchers),
            "prefetched": sum(each.prefetched for each in dispatchers),
        }
        self._notes(Event("drain_started", data={"reason": self.stop.asked.result(), **counts}))
        self._notes.count_anew()
        crew = Crew(
            self._draining,
            self.background,
            self._supervisor.subscriptions,
            self._settler,
            self._lifespan,
            self._notes,
        )
        orphans = await drain(crew, deadline)
        self.lifecycle.move(Happening.DRAINED)
        return orphans

    async def _close(self, deadline: Deadline) -> None:
        """Last the connections: the consumer's, then the publisher's, which handlers used to the end."""
        await deadline.bound(self._inboxes.close(), extra=LETTING_GO + 0.4, at_most=2.0)
        await deadline.bound(self._supervisor.close(), extra=LETTING_GO + 0.4, at_most=2.0)
        await deadline.bound(self.publisher.close(), extra=LETTING_GO + 0.45, at_most=2.0)
        await deadline.bound(self._pools.close(), extra=LETTING_GO + 0.45, at_most=1.0)
        for handler in self._plan.handlers:
            handler.threads.close()
        self.lifecycle.move(Happening.CLOSED)

    def _report(self, deadline: Deadline, orphans: list[str], error: BaseException | None) -> Report:
        report = Report(
            reason=self.stop.asked.result(),
            forced=self.stop.hurried.done(),
            seconds=round(deadline.elapsed(), 6),
            finished=self._notes.finished,
            handed_back=self._notes.handed_back,
            orphans=orphans,
            error=error,
        )
        self._notes(Event("drain_finished", data=report.as_dict()))
        return report

    def _resumed(self) -> None:
        if not self.stop.asked.done():
            self._notes(Event("resumed"))

    def _lifespan_ended(self, error: BaseException | None) -> None:
        """What the handlers stand on is gone while they are needed: that is a failure, and the end."""
        self._failure = LastcallError(f"the lifespan ended while the worker was running: {error!r}")
        self.stop.ask("the lifespan ended")

    def _background_crashed(self, name: str, error: BaseException) -> None:
        """One that the worker can't do without."""
        self._failure = LastcallError(f"{name} crashed: {error!r}")
        self._failure.__cause__ = error
        self.stop.ask("a background task crashed")

    def _dispatcher(self, handler: Handler, budget: Budget) -> Dispatcher:
        once = None
        if handler.inbox is not None:
            from consumer.engine.once import Once  # noqa: PLC0415 - only who has an inbox needs it

            once = Once(handler.inbox, handler.queue.name, self._claimant, self._notes)
            self._once.append(once)
        tally = self._notes.tallies[handler.queue.name]
        work = Work(
            handler.retry,
            Attempt(handler, self.users_publisher, self._draining, self._notes, tally),
            once,
            Runs(),
            self._settler,
            Parking(self.publisher, handler.queue.parking, self._notes),
            PuttingOff(self.publisher, self._notes),
            Returning(self.publisher, self._settler, self._notes),
            self._draining,
            self._notes,
        )
        return Dispatcher(handler, work, self._settler, budget, self._owner, self._notes)

    def tell(self, event: Event) -> None:
        """Tell what somebody beside the engine has seen: counted and told as its own. On the loop's thread."""
        self._notes(event)

    def snapshot(self) -> Snapshot:
        """What it looks like now. On any thread, at any moment."""
        return self._snapshots.take()

    @property
    def phase(self) -> Phase:
        """Where this run is."""
        return self.lifecycle.phase


def _shown(error: BaseException | None) -> str:
    """What anybody may read of it. The text of an error that is not ours may hold a secret: the report has it."""
    return str(error) if isinstance(error, BrokerAway | BrokerRefused) else type(error).__name__


def _error_of(task: "asyncio.Task[None]") -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None
