"""What `@worker.handler(...)` was given, before the settings are known.

May know: settings, the engine's Handler. May not know: when or where it runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from consumer.core.queue import Queue
from consumer.engine.handler import Handler
from consumer.engine.threads import Threads
from consumer.errors import ConfigurationError
from consumer.payload import CallPlan
from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class Registration:
    """A queue, a function, and the bounds that were given with them (None: from the settings)."""

    queue: Queue
    function: Callable[..., object]
    concurrency: int | None
    prefetch: int | None
    given_name: str | None

    def __post_init__(self) -> None:
        """Raises ConfigurationError when a bound is out of range."""
        for word, bound in (("concurrency", self.concurrency), ("prefetch", self.prefetch)):
            if bound is not None and not 1 <= bound <= 65535:
                raise ConfigurationError(f"handler {self.name!r}: {word}={bound} must be from 1 to 65535")

    @property
    def name(self) -> str:
        """What logs and reports call it."""
        return self.given_name or str(getattr(self.function, "__name__", type(self.function).__name__))

    def handler(self, settings: Settings, plan: CallPlan) -> Handler:
        """The handler with the settings laid in: prefetch is the concurrency, unless somebody says otherwise.

        With a single active consumer it is 1, or a drain could not keep the order.
        """
        concurrency = self.concurrency or settings.concurrency
        prefetch = self.prefetch or settings.prefetch or concurrency
        return Handler(
            queue=self.queue.prefixed(settings.queue_prefix),
            name=self.name,
            function=self.function,
            plan=plan,
            concurrency=concurrency,
            prefetch=1 if self.queue.single_active_consumer else prefetch,
            threads=Threads(concurrency, f"lastcall {self.name}"),
        )
