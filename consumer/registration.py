"""What `@worker.handler(...)` was given, before the settings are known.

May know: settings, the engine's Handler. May not know: when or where it runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from consumer.core.queue import Queue
from consumer.core.retry import RetryPolicy
from consumer.engine.handler import Handler
from consumer.engine.threads import Threads
from consumer.errors import ConfigurationError
from consumer.inbox.port import Inbox
from consumer.middleware import Middleware
from consumer.payload import CallPlan
from consumer.settings import Settings

OnLeaseLost: TypeAlias = Literal["finish", "cancel"]
"""What becomes of a running handler whose lease is lost: its message will be delivered again in either case."""


@dataclass(frozen=True, slots=True)
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

    @property
    def name(self) -> str:
        """What logs and reports call it."""
        return self.given_name or str(getattr(self.function, "__name__", type(self.function).__name__))

    def handler(self, settings: Settings, plan: CallPlan, middleware: Sequence[Middleware] = ()) -> Handler:
        """The handler with the settings laid in: prefetch is the concurrency, unless somebody says otherwise.

        With a single active consumer it is 1, or a drain could not keep the order.
        """
        if not plan.is_async and (self.timeout is not None or self.on_lease_lost == "cancel"):
            raise ConfigurationError(
                f"handler {self.name!r} is a plain function: it runs in a thread, which nobody can cancel, so it can't "
                "have timeout= or on_lease_lost='cancel'. Make it `async def`, or give the clients in it a timeout."
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
            middleware=tuple(middleware),
        )
