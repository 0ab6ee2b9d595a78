"""The worker: where handlers are registered, and from where everything else is put together.

May know: settings, every room's front door. May not know: how any of them does its work.
"""

import asyncio
import inspect
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from consumer.broker.port import Broker
from consumer.core.events import Event, Observer
from consumer.core.queue import Queue
from consumer.delivery import Delivery
from consumer.engine.engine import Engine, Plan
from consumer.engine.handler import Handler
from consumer.engine.report import Report
from consumer.engine.supervisor import Patience
from consumer.engine.waiting import outlive_cancellation
from consumer.errors import ConfigurationError, LastcallError
from consumer.hosts import asyncio_host
from consumer.payload import read_signature
from consumer.registration import Registration
from consumer.settings import Settings

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])
Lifespan = Callable[[], AbstractAsyncContextManager[object]]


class Worker:
    """Consumes queues with your handlers, and finishes what it started when it is told to stop.

    Args:
        settings: None: read from LASTCALL_* in the environment and from .env, when they are first needed.
        broker: another broker than the one that the settings name; tests pass a fake one.
    """

    def __init__(self, settings: Settings | None = None, *, broker: Broker | None = None) -> None:
        self._settings = settings
        self._broker = broker
        self._registrations: list[Registration] = []
        self._observers: list[Observer] = []
        self._lifespan: Lifespan | None = None
        self._background: list[Callable[[], Coroutine[Any, Any, object]]] = []
        self._running: tuple[asyncio.AbstractEventLoop, Engine] | None = None
        self._stop_asked: str | None = None
        self._hurry_asked = False
        self.report: Report | None = None
        """How the last run ended; None while there was none."""

    # ---- registering ----

    def handler(
        self,
        queue: str | Queue,
        *,
        concurrency: int | None = None,
        prefetch: int | None = None,
        name: str | None = None,
    ) -> Callable[[F], F]:
        """Register the decorated function, async or plain, as the handler of a queue.

        Its first parameter is the payload, decoded by its annotation; a parameter annotated `Delivery` gets
        the delivery. It returns: ack. It raises `Requeue()` or `Park(reason)`: that. Any other exception: the
        message is parked. A plain function runs in a thread.

        Args:
            queue: a name, or a Queue that says more.
            concurrency: how many of it run at once; None: from the settings.
            prefetch: how many deliveries the broker may have out to us unacked; None: from the settings.
            name: what logs and reports call it; None: the function's name.

        Raises ConfigurationError for a wrong signature, a second handler of one queue, or bounds below 1.
        """
        wanted = Queue(queue) if isinstance(queue, str) else queue

        def register(function: F) -> F:
            if any(known.queue.name == wanted.name for known in self._registrations):
                raise ConfigurationError(
                    f"queue {wanted.name!r} has a handler already: one worker, one handler a queue"
                )
            registration = Registration(wanted, function, concurrency, prefetch, name)
            self._registrations.append(registration)
            return function

        return register

    def lifespan(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Register what to open before the first delivery and to close after the last handler.

        An async generator function without parameters that yields once, or a function that returns an
        async context manager.
        """
        self._lifespan = asynccontextmanager(function) if inspect.isasyncgenfunction(function) else function
        return function

    def background(self, function: Callable[[], Coroutine[Any, Any, T]]) -> Callable[[], Coroutine[Any, Any, T]]:
        """Register a task to run beside the handlers. It is not shielded: the drain's begin cancels it."""
        self._background.append(function)
        return function

    def observe(self, observer: Observer) -> Observer:
        """Register one that is told of every event, synchronously. One that raises is told nothing more."""
        self._observers.append(observer)
        return observer

    @property
    def settings(self) -> Settings:
        """The settings in force. Raises ConfigurationError when they are wrong."""
        if self._settings is None:
            self._settings = Settings.load()
        return self._settings

    def configure(self, **overrides: object) -> None:
        """Lay these over the settings; None leaves one as it is. Raises ConfigurationError."""
        given = {name: value for name, value in overrides.items() if value is not None}
        self._settings = Settings.load(**given) if self._settings is None else self._settings.overridden(**given)

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """What is registered, with the settings laid in. Raises ConfigurationError."""
        settings = self.settings
        if not self._registrations:
            raise ConfigurationError("the worker has no handler: decorate a function with @worker.handler(queue)")
        return tuple(
            registration.handler(settings, read_signature(registration.function, Delivery))
            for registration in self._registrations
        )

    # ---- running ----

    def run(self) -> int:
        """Run until a stop signal, and drain; returns the process's exit code.

        Blocks, owns the loop and the signals: the first SIGTERM or SIGINT drains, the second sets the drain's
        deadline to now, the third (or SIGQUIT) ends the process. Call it on the main thread.
        """
        from consumer.observe.outputs import outputs  # noqa: PLC0415 - only a host that owns the process logs

        try:
            settings = self.settings
            with outputs(settings, worker_name()) as observers:
                self._observers += observers
                try:
                    return asyncio_host.run(self)
                finally:
                    self._observers = [each for each in self._observers if each not in observers]
        except ConfigurationError as error:
            self.failed(error)
            return 2

    async def serve(self) -> Report:
        """Run inside somebody's loop until `stop()`; returns how the drain went. Touches no signal.

        Cancelling the task that awaits it asks for the drain: it drains, and then raises CancelledError.
        Raises ConfigurationError, BrokerRefused or BrokerAway when the worker can't start or go on.
        """
        broker = self._broker
        if broker is None:
            from consumer.connecting import rabbitmq  # noqa: PLC0415 - a worker on another broker needs none of it

            broker = rabbitmq(self.settings, worker_name())
        engine = Engine(self._plan(), broker, self._tell)
        self._running = (asyncio.get_running_loop(), engine)
        if self._stop_asked is not None:
            engine.stop.ask(self._stop_asked)
        if self._hurry_asked:
            engine.stop.hurry("stop_now() was called")
        living = asyncio.create_task(engine.run(), name="lastcall engine")
        try:
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

    @property
    def drain_timeout(self) -> float:
        """Seconds that the drain gives to handlers in flight."""
        return self.settings.drain_timeout

    def failed(self, error: BaseException) -> None:
        """Tell the user why the worker could not start, or could not go on."""
        from consumer.observe.outputs import complain  # noqa: PLC0415 - see run

        complain(error)

    # ---- putting together ----

    def _plan(self) -> Plan:
        settings = self.settings
        return Plan(
            handlers=self.handlers,
            patience=Patience(settings.connect_timeout, settings.reconnect_timeout),
            drain_timeout=settings.drain_timeout,
            max_messages=settings.max_messages,
            idle_timeout=settings.idle_timeout,
            lifespan=self._lifespan() if self._lifespan is not None else None,
            background=tuple(self._background),
        )

    def _tell(self, event: Event) -> None:
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception:
                self._observers.remove(observer)
                logging.getLogger("lastcall").exception("an observer failed at %r and is told nothing more", event.name)

    def _tell_engine(self, say: Callable[[Engine], None]) -> None:
        running = self._running
        if running is not None:
            loop, engine = running
            if not loop.is_closed():
                loop.call_soon_threadsafe(say, engine)


def worker_name() -> str:
    """What the broker's management UI and the event stream call this process."""
    return f"lastcall {socket.gethostname()} {os.getpid()}"
