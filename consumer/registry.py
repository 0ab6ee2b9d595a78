"""What a worker is made of: its handlers, what they stand on, who is told, and its settings.

May know: settings, what a handler's signature says. May not know: the engine's life, brokers, signals.
"""

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, overload

from consumer.core.events import Observer
from consumer.core.queue import Queue
from consumer.core.retry import RetryPolicy
from consumer.delivery import Delivery
from consumer.engine.background import BackgroundFunction, BackgroundTask, OnCrash
from consumer.engine.handler import Handler
from consumer.errors import ConfigurationError
from consumer.inbox.port import Inbox
from consumer.middleware import Middleware, check
from consumer.observers import Observers
from consumer.payload import read_signature
from consumer.registration import Executor, OnLeaseLost, Registration
from consumer.settings import Settings

B = TypeVar("B", bound=BackgroundFunction)
F = TypeVar("F", bound=Callable[..., object])
M = TypeVar("M", bound=Middleware)
Lifespan = Callable[[], AbstractAsyncContextManager[object]]


class Registry:
    """Where a worker's parts are registered. See Worker."""

    def __init__(self, settings: Settings | None) -> None:
        self._settings = settings
        self._registrations: list[Registration] = []
        self._middleware: list[Middleware] = []
        self._observers = Observers()
        self._lifespan: Lifespan | None = None
        self._background: list[BackgroundTask] = []

    def handler(
        self,
        queue: str | Queue,
        *,
        concurrency: int | None = None,
        prefetch: int | None = None,
        retry: RetryPolicy | int | None = None,
        timeout: float | None = None,
        on_lease_lost: OnLeaseLost = "finish",
        once: Inbox | None = None,
        executor: Executor | None = None,
        name: str | None = None,
    ) -> Callable[[F], F]:
        """Register the decorated function, async or plain, as the handler of a queue.

        Its first parameter is the payload, decoded by its annotation; a parameter annotated `Delivery` gets
        the delivery. It returns: ack. It raises `Retry(after)`, `Requeue()` or `Park(reason)`: that. Any other
        exception: the retry policy, then the parking queue. A plain function runs in a thread.

        Args:
            queue: a name, or a Queue that says more.
            concurrency: how many of it run at once; None: from the settings.
            prefetch: how many deliveries the broker may have out to us unacked; None: from the settings.
            retry: when it is tried again after a failure: a policy, or a number of attempts; None: from the settings.
            timeout: seconds after which an attempt is cancelled, which counts as a failure; None: as long as it
                takes. Not for handlers in threads.
            on_lease_lost: what becomes of a running handler when its connection or channel is gone and the broker
                will deliver its message again: "finish" (a redelivery to this worker joins it), or "cancel"
                (not for handlers in threads).
            once: an inbox, in which completed messages are written down: a message is run to its end once
                (`consumer.inbox`, docs/inbox.md).
            executor: "process" runs a plain function in a process of a pool (as many as the concurrency), for work
                that keeps a CPU busy; "trio" an async function that is written for trio, in a worker that
                `serve_trio()` runs; None: an async function runs on the event loop, a plain one in a thread
                (docs/handlers.md).
            name: what logs and reports call it; None: the function's name.

        Raises ConfigurationError for a wrong signature, a second handler of one queue, or numbers out of range.
        """
        wanted = Queue(queue) if isinstance(queue, str) else queue
        policy = RetryPolicy(attempts=retry) if isinstance(retry, int) else retry

        def register(function: F) -> F:
            if any(known.queue.name == wanted.name for known in self._registrations):
                raise ConfigurationError(
                    f"queue {wanted.name!r} has a handler already: one worker, one handler a queue"
                )
            self._registrations.append(
                Registration(
                    wanted, function, concurrency, prefetch, name, policy, timeout, on_lease_lost, once, executor
                )
            )
            return function

        return register

    def middleware(self, function: M) -> M:
        """Register what runs around every attempt of every handler, as `async def log(delivery, call_next): ...` does.

        `await call_next()` runs the next one, the handler in the end, and returns or raises what that does. So does the
        middleware: what it raises is the attempt's failure, what it swallows is not. The first registered is outermost.
        Context variables that it sets are seen by the handler.

        Raises ConfigurationError when it can't be called so.
        """
        check(function)
        self._middleware.append(function)
        return function

    def lifespan(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Register what to open before the first delivery and to close after the last handler.

        An async generator function without parameters that yields once, or a function that returns an
        async context manager.
        """
        self._lifespan = asynccontextmanager(function) if inspect.isasyncgenfunction(function) else function
        return function

    @overload
    def background(self, function: B, /) -> B: ...

    @overload
    def background(self, /, *, every: float | None = None, on_crash: OnCrash = "report") -> Callable[[B], B]: ...

    def background(
        self, function: B | None = None, /, *, every: float | None = None, on_crash: OnCrash = "report"
    ) -> B | Callable[[B], B]:
        """Register an async function without parameters to run beside the handlers, in a task that is not shielded.

        The drain's beginning cancels it, in the middle of whatever it does; `worker.shield` keeps a stretch of it.
        With or without parentheses: `@worker.background`, `@worker.background(every=60)`.

        Args:
            function: what is decorated.
            every: seconds from the start of one run to the start of the next, the first one at once. Never two at a
                time: a run that takes longer puts the next one off, and none is made up for. None: run once.
            on_crash: what becomes of the worker when it raises. "report": nothing, it is told (`background_failed`),
                and with `every` the next run comes. "stop": it is told, the worker drains and ends with exit code 1,
                and `serve()` raises LastcallError.

        Raises ConfigurationError for a number out of range or another word.
        """

        def register(function: B) -> B:
            self._background.append(BackgroundTask(function, every, on_crash))
            return function

        return register if function is None else register(function)

    def observe(self, observer: Observer) -> Observer:
        """Register one that is told of every event, synchronously. One that raises is told nothing more.

        Events that every delivery goes through (received, started, finished, settled) are made only for those who
        want them, which costs some microseconds a message: an observer that doesn't, says so by an attribute
        `wants_routine = False`.
        """
        self._observers.add(observer)
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
            registration.handler(settings, read_signature(registration.function, Delivery), self._middleware)
            for registration in self._registrations
        )
