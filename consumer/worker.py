"""The worker: what is registered, put together with a broker and run.

May know: settings, every room's front door. May not know: how any of them does its work.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

from consumer.broker.port import Broker
from consumer.core.lifecycle import Phase
from consumer.core.snapshot import Snapshot
from consumer.delivery import Draining
from consumer.engine.engine import Engine, Plan
from consumer.engine.handler import Handler
from consumer.engine.report import Report
from consumer.engine.supervisor import Patience
from consumer.engine.waiting import outlive_cancellation
from consumer.errors import ConfigurationError, LastcallError
from consumer.hosts import asyncio_host, embedded, trio_host
from consumer.hosts.loops import LoopKind
from consumer.observe import wanted
from consumer.publishing import outgoing
from consumer.registry import Registry
from consumer.settings import Settings, named

if TYPE_CHECKING:
    from consumer.hosts.trio_side import TrioSide
    from consumer.observe.tracing import Tracing

T = TypeVar("T")


class Worker(Registry):
    """Consumes queues with your handlers, and finishes what it started when it is told to stop.

    Args:
        settings: None: read from LASTCALL_* in the environment and from .env, when they are first needed.
        broker: another broker than the one that the settings name; tests pass a fake one.
    """

    def __init__(self, settings: Settings | None = None, *, broker: Broker | None = None) -> None:
        super().__init__(settings)
        self._broker = broker
        self._running: tuple[asyncio.AbstractEventLoop, Engine] | None = None
        self._stop_asked: str | None = None
        self._hurry_asked = False
        self._quiet_asked: str | None = None
        self.report: Report | None = None
        """How the last run ended; None while there was none."""

    def run(self) -> int:
        """Run until a stop signal, and drain; returns the process's exit code.

        Blocks, owns the loop and the signals: the first SIGTERM or SIGINT drains, the second sets the drain's
        deadline to now, the third (or SIGQUIT) ends the process; SIGTSTP is `quiet()`, SIGCONT `resume()`. Afterwards
        the signals' handlers are as before. Call it on the main thread: elsewhere it says so and returns 2.
        """
        from consumer.observe.outputs import outputs  # noqa: PLC0415 - only a host that owns the process logs

        try:
            settings = self.settings
            _refuse_several(settings)
            with outputs(settings, worker_name()) as observers:
                self._observers.add(*observers)
                try:
                    return asyncio_host.run(self)
                finally:
                    self._observers.remove(*observers)
        except ConfigurationError as error:
            self.failed(error)
            return 2

    async def serve(self) -> Report:
        """Run inside somebody's loop until `stop()`; returns how the drain went. Touches no signal.

        Cancelling the task that awaits it asks for the drain: it drains, and then raises CancelledError.
        Raises ConfigurationError, BrokerRefused or BrokerAway when the worker can't start or go on. Answers for its
        health where the settings ask for that (`health`).
        """
        report, cancelled = await self._live(None)
        if cancelled is not None:
            raise cancelled
        return _sound(report)

    async def serve_trio(self) -> Report:
        """`serve()` inside somebody's trio: `trio.run(worker.serve_trio)`. Its engine runs on trio-asyncio.

        Cancelling the scope that it runs in asks for the drain: it drains, and then lets the cancellation go on. So
        does a KeyboardInterrupt; a second one sets the drain's deadline to now. Handlers with `executor="trio"` run in
        a nursery that nothing else of trio's can cancel.
        Raises what `serve()` raises; ConfigurationError where trio-asyncio (`lastcall[trio]`) is missing.
        """
        report, _ = await trio_host.serve(self._live, self)
        return _sound(report)

    async def _live(self, trio: "TrioSide | None") -> tuple[Report, asyncio.CancelledError | None]:
        """One run, to its end. Returns the cancellation that came meanwhile. `trio`: what runs beside asyncio."""
        broker, settings = self._broker, self.settings
        if broker is None:
            from consumer.connecting import rabbitmq  # noqa: PLC0415 - a worker on another broker needs none of it

            broker = rabbitmq(settings, worker_name())
        tracing = wanted.tracing(settings)
        plan = self._plan(trio, tracing)
        engine = Engine(plan, broker if trio is None else trio.broker(broker), self._observers)
        self._running = (asyncio.get_running_loop(), engine)
        if self._stop_asked is not None:
            engine.stop.ask(self._stop_asked)
        if self._hurry_asked:
            engine.stop.hurry("stop_now() was called")
        if self._quiet_asked is not None:
            engine.quiet.ask(self._quiet_asked)
        try:
            watched = wanted.watched(settings, worker_name(), engine.snapshot, engine.tell, self._observers)
            with watched, self._observers.meanwhile(tracing):
                living = engine.begin()
                cancelled = await outlive_cancellation(living, lambda: engine.stop.ask("serve() was cancelled"))
        finally:
            self._running = self._stop_asked = self._quiet_asked = None
            self._hurry_asked = False
        self.report = living.result()
        return self.report, cancelled

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Serve while the block runs: for the lifespan of an application that owns the loop and the signals.

            @asynccontextmanager
            async def lifespan(app: FastAPI) -> AsyncIterator[None]:
                async with worker.running():
                    yield

        The block begins once every queue is consumed (or the worker is quiet, or was told to stop), and its end drains
        the worker, and waits for that. A worker that can't go on meanwhile does not cut the block short: what `serve`
        raised is raised at its end. A cancellation drains too, and is raised then.

        Raises what `serve` raises: at the beginning, where the worker can't start.
        """
        async with embedded.running(self, self._observers):
            yield self

    def stop(self, reason: str = "stop() was called") -> None:
        """Ask for the drain: from any thread, in a signal handler, as often as you like.

        Before the start, too: the run that comes next ends as it begins.
        """
        self._stop_asked = self._stop_asked or reason
        self._tell_engine(lambda engine: engine.stop.ask(reason))

    def stop_now(self, reason: str = "stop_now() was called") -> None:
        """Ask for the drain with its deadline now: what is in flight is cancelled and requeued."""
        self._stop_asked, self._hurry_asked = self._stop_asked or reason, True
        self._tell_engine(lambda engine: engine.stop.hurry(reason))

    def quiet(self, reason: str = "quiet() was called") -> None:
        """Take nothing new until `resume()`, and stay: from any thread, in a signal handler, as often as you like.

        Consumers are cancelled, what was not started is handed back at once, what runs, runs on, and the connection
        stays. Before the start, too: the run that comes next connects, makes sure of its queues, and consumes nothing.
        A stop drains a quiet worker as any other.
        """
        self._quiet_asked = self._quiet_asked or reason
        self._tell_engine(lambda engine: engine.quiet.ask(reason))

    def resume(self) -> None:
        """Take new work again after `quiet()`; else nothing happens. From any thread, as often as you like."""
        self._quiet_asked = None
        self._tell_engine(lambda engine: engine.quiet.end())

    async def shield(self, awaitable: Awaitable[T]) -> T:
        """Await something that the drain must wait for, in a background task. Raises what it raises."""
        if self._running is None:
            raise LastcallError("worker.shield() works while the worker runs: call it from a background task")
        return await self._running[1].background.shield(awaitable)

    async def publish(
        self,
        body: bytes,
        *,
        routing_key: str,
        exchange: str = "",
        message_id: str | None = None,
        headers: Mapping[str, object] | None = None,
        content_type: str = "application/json",
        correlation_id: str | None = None,
    ) -> None:
        """Publish a message while the worker runs: persistent, mandatory, and confirmed when this returns.

        In a handler use `delivery.publish`, which carries correlation and trace over. Raises PublishFailed when no
        queue takes it or the broker does not confirm it; LastcallError when the worker isn't running.
        """
        if self._running is None:
            raise LastcallError("worker.publish() works while the worker runs: from its lifespan's opening to its end")
        message = outgoing(
            body,
            routing_key=routing_key,
            exchange=exchange,
            message_id=message_id,
            headers=headers,
            content_type=content_type,
            correlation_id=correlation_id,
        )
        await self._running[1].users_publisher.publish(message)

    def snapshot(self) -> Snapshot | None:
        """What the worker looks like now; None while it doesn't run. From any thread, and while the loop is stuck."""
        running = self._running
        return None if running is None else running[1].snapshot()

    @property
    def phase(self) -> Phase | None:
        """Where the run is in its life (docs/lifecycle.md); None while there is none."""
        running = self._running
        return None if running is None else running[1].phase

    @property
    def drain_timeout(self) -> float:
        """Seconds that the drain gives to handlers in flight."""
        return self.settings.drain_timeout

    @property
    def stop_signals(self) -> tuple[int, ...]:
        """The numbers of the signals that drain under `run()`, beside SIGTERM and SIGINT."""
        return tuple(int(signal.Signals[name]) for name in self.settings.stop_signals.split(",") if name)

    @property
    def loop_kind(self) -> LoopKind:
        """On which event loop `run()` runs it."""
        return self.settings.loop

    def failed(self, error: BaseException) -> None:
        """Tell the user why the worker could not start, or could not go on."""
        from consumer.observe.outputs import complain  # noqa: PLC0415 - see run

        complain(error)

    def _plan(self, trio: "TrioSide | None", tracing: "Tracing | None") -> Plan:
        settings, handlers = self.settings, self._handlers_on(trio)
        if tracing is not None:
            handlers = [replace(each, middleware=(tracing.process, *each.middleware)) for each in handlers]
        return Plan(
            handlers=handlers,
            patience=Patience(settings.connect_timeout, settings.reconnect_timeout),
            drain_timeout=settings.drain_timeout,
            draining=Draining() if trio is None else trio.draining,
            max_messages=settings.max_messages,
            idle_timeout=settings.idle_timeout,
            lifespan=self._lifespan() if self._lifespan is not None else None,
            background=tuple(self._background),
            wrap_publisher=None if tracing is None else tracing.publisher,
        )

    def _handlers_on(self, trio: "TrioSide | None") -> list[Handler]:
        handlers = []
        for handler, registration in zip(self.handlers, self._registrations, strict=True):
            if registration.executor != "trio":
                handlers.append(handler)
            elif trio is not None:
                handlers.append(trio.adapted(handler))
            else:
                raise ConfigurationError(
                    f"handler {handler.name!r} has executor='trio': run its worker in trio, by "
                    "`trio.run(worker.serve_trio)`, or leave executor= out, if it is written for asyncio."
                )
        return handlers

    def _tell_engine(self, say: Callable[[Engine], None]) -> None:
        running = self._running
        if running is not None:
            loop, engine = running
            if not loop.is_closed():
                loop.call_soon_threadsafe(say, engine)


def _sound(report: Report) -> Report:
    if report.error is not None:
        raise report.error
    return report


def _refuse_several(settings: Settings) -> None:
    if settings.processes > 1:
        raise ConfigurationError(f"{named('processes')}: worker.run() is one process; `lastcall run` starts several.")


def worker_name() -> str:
    """What the broker's management UI and the event stream call this process."""
    return f"lastcall {socket.gethostname()} {os.getpid()}"
