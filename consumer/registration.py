"""What `@worker.handler(...)` was given, before the settings are known.

May know: settings, the engine's Handler. May not know: when or where it runs.
"""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from consumer.core.queue import Queue
from consumer.core.retry import RetryPolicy
from consumer.engine.handler import Handler
from consumer.engine.threads import Threads
from consumer.errors import ConfigurationError
from consumer.inbox.port import Inbox
from consumer.middleware import Middleware
from consumer.payload import CallPlan
from consumer.settings import Settings

if TYPE_CHECKING:
    from consumer.engine.processes.pool import Processes

OnLeaseLost: TypeAlias = Literal["finish", "cancel"]
"""What becomes of a running handler whose lease is lost: its message will be delivered again in either case."""
Executor: TypeAlias = Literal["process", "trio"]
"""Where a handler runs, if neither on the event loop (an async function) nor in a thread (a plain one)."""


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A queue, a function, and the bounds that were given with them (None: from the settings)."""

    queue: Queue
    function: Callable[..., object]
    concurrency: int | None
    prefetch: int | None
    given_name: str | None = None
    retry: RetryPolicy | None = None
    timeout: float | None = None
    on_lease_lost: OnLeaseLost = "finish"
    once: Inbox | None = None
    executor: Executor | None = None

    def __post_init__(self) -> None:
        """Raises ConfigurationError when something is out of range."""
        for word, bound in (("concurrency", self.concurrency), ("prefetch", self.prefetch)):
            if bound is not None and not 1 <= bound <= 65535:
                raise ConfigurationError(f"handler {self.name!r}: {word}={bound} must be from 1 to 65535")
        if self.timeout is not None and not 0 < self.timeout < float("inf"):
            raise ConfigurationError(f"handler {self.name!r}: timeout={self.timeout} must be seconds, more than 0")
        if self.on_lease_lost not in get_args(OnLeaseLost):
            raise ConfigurationError(
                f"handler {self.name!r}: on_lease_lost={self.on_lease_lost!r} must be 'finish' or 'cancel'"
            )
        if self.executor is not None and self.executor not in get_args(Executor):
            known = " or ".join(map(repr, get_args(Executor)))
            raise ConfigurationError(f"handler {self.name!r}: executor={self.executor!r} must be {known}, or left out")

    @property
    def name(self) -> str:
        """What logs and reports call it."""
        return self.given_name or str(getattr(self.function, "__name__", type(self.function).__name__))

    def handler(self, settings: Settings, plan: CallPlan, middleware: Sequence[Middleware] = ()) -> Handler:
        """The handler with the settings laid in: prefetch is the concurrency, unless somebody says otherwise.

        With a single active consumer it is 1, or a drain could not keep the order.
        """
        in_a_thread = not plan.is_async and self.executor is None
        if in_a_thread and (self.timeout is not None or self.on_lease_lost == "cancel"):
            raise ConfigurationError(
                f"handler {self.name!r} is a plain function: it runs in a thread, which nobody can cancel, so it can't "
                "have timeout= or on_lease_lost='cancel'. Make it `async def`, run it with executor='process', or give "
                "the clients in it a timeout."
            )
        if not plan.is_async and self.executor == "trio":
            raise ConfigurationError(
                f"handler {self.name!r} is a plain function, and executor='trio' is for async ones: make it "
                "`async def`, or leave executor= out, and it runs in a thread."
            )
        concurrency = self.concurrency or settings.concurrency
        prefetch = self.prefetch or settings.prefetch or concurrency
        return Handler(
            queue=self.queue.prefixed(settings.queue_prefix),
            name=self.name,
            function=self.function,
            plan=plan,
            concurrency=concurrency,
            prefetch=1 if self.queue.single_active_consumer else prefetch,
            retry=self.retry or settings.retry_policy,
            timeout=self.timeout,
            cancel_on_lost_lease=self.on_lease_lost == "cancel",
            inbox=self.once,
            threads=Threads(concurrency, f"lastcall {self.name}"),
            processes=self._processes(settings, plan, concurrency) if self.executor == "process" else None,
            middleware=tuple(middleware),
        )

    def _processes(self, settings: Settings, plan: CallPlan, size: int) -> "Processes":
        from consumer.engine.processes.naming import program  # noqa: PLC0415 - only who has such a handler needs it
        from consumer.engine.processes.pool import Processes  # noqa: PLC0415 - as above
        from consumer.observe.logs import configure_logging  # noqa: PLC0415 - as above

        if plan.is_async:
            raise ConfigurationError(
                f"handler {self.name!r} is async: only plain functions run in processes. Make it `def`, or leave out "
                "executor='process'."
            )
        if not hasattr(signal, "pthread_sigmask"):
            raise ConfigurationError(f"handler {self.name!r}: executor='process' needs a POSIX system")
        preparation = partial(configure_logging, settings.log_level, settings.log_format)
        return Processes(size, f"lastcall {self.name}", program(self.function, self.name, preparation))
