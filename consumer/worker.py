"""The worker: what is registered, put together with a broker and run.

May know: settings, every room's front door. May not know: how any of them does its work.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from consumer.broker.port import Broker
from consumer.core.snapshot import Snapshot
from consumer.engine.engine import Engine, Plan
from consumer.engine.report import Report
from consumer.engine.supervisor import Patience
from consumer.engine.waiting import outlive_cancellation
from consumer.errors import ConfigurationError, LastcallError
from consumer.hosts import asyncio_host
from consumer.hosts.loops import LoopKind
from consumer.observe import wanted
from consumer.publishing import outgoing
from consumer.registry import Registry
from consumer.settings import Settings, named

if TYPE_CHECKING:
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
        self.report: Report | None = None
        """How the last run ended; None while there was none."""

    def run(self) -> int:
        """Run until a stop signal, and drain; returns the process's exit code.

        Blocks, owns the loop and the signals: the first SIGTERM or SIGINT drains, the second sets the drain's
        deadline to now, the third (or SIGQUIT) ends the process. Call it on the main thread: elsewhere it says so and
        returns 2.
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
        broker, settings = self._broker, self.settings
        if broker is None:
            from consumer.connecting import rabbitmq  # noqa: PLC0415 - a worker on another broker needs none of it

            broker = rabbitmq(settings, worker_name())
        tracing = wanted.tracing(settings)
        engine = Engine(self._plan(tracing), broker, self._observers)
        self._running = (asyncio.get_running_loop(), engine)
        if self._stop_asked is not None:
            engine.stop.ask(self._stop_asked)
        if self._hurry_asked:
            engine.stop.hurry("stop_now() was called")
        try:
            watched = wanted.watched(settings, worker_name(), engine.snapshot, self._observers)
            with watched, self._observers.meanwhile(tracing):
                living = engine.begin()
                cancelled = await outlive_cancellation(living, lambda: engine.stop.ask("serve() was cancelled"))
        finally:
            self._running = self._stop_asked = None
            self._hurry_asked = False
        self.report = report = living.result()
        if cancelled is not None:
            raise cancelled
        if report.error is not None:
            raise report.error
        return report

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
    def drain_timeout(self) -> float:
        """Seconds that the drain gives to handlers in flight."""
        return self.settings.drain_timeout

    @property
    def loop_kind(self) -> LoopKind:
        """On which event loop `run()` runs it."""
        return self.settings.loop

    def failed(self, error: BaseException) -> None:
        """Tell the user why the worker could not start, or could not go on."""
        from consumer.observe.outputs import complain  # noqa: PLC0415 - see run

        complain(error)

    def _plan(self, tracing: "Tracing | None") -> Plan:
        settings, handlers = self.settings, self.handlers
        if tracing is not None:
            handlers = tuple(replace(each, middleware=(tracing.process, *each.middleware)) for each in handlers)
        return Plan(
            handlers=handlers,
            patience=Patience(settings.connect_timeout, settings.reconnect_timeout),
            drain_timeout=settings.drain_timeout,
            max_messages=settings.max_messages,
            idle_timeout=settings.idle_timeout,
            lifespan=self._lifespan() if self._lifespan is not None else None,
            background=tuple(self._background),
            wrap_publisher=None if tracing is None else tracing.publisher,
        )

    def _tell_engine(self, say: Callable[[Engine], None]) -> None:
        running = self._running
        if running is not None:
            loop, engine = running
            if not loop.is_closed():
                loop.call_soon_threadsafe(say, engine)


def _refuse_several(settings: Settings) -> None:
    if settings.processes > 1:
        raise ConfigurationError(f"{named('processes')}: worker.run() is one process; `lastcall run` starts several.")


def worker_name() -> str:
    """What the broker's management UI and the event stream call this process."""
    return f"lastcall {socket.gethostname()} {os.getpid()}"
