"""What a worker looks like at a moment: a picture for whoever watches, which changes no more.

May know: phases, tallies. May not know: who takes it, who shows it, clocks.
"""

from collections.abc import Mapping
from typing import NamedTuple

from consumer.core.lifecycle import Phase
from consumer.core.tally import Published, Tally

STARTING = frozenset({Phase.IDLE, Phase.STARTING})
READY = frozenset({Phase.CONSUMING, Phase.RECONNECTING})
"""A worker whose connection is lost is ready: see docs/health.md."""


class InFlight(NamedTuple):
    """A delivery whose handler was started. `seconds`: since its handler's last start."""

    queue: str
    handler: str
    message_id: str | None
    tag: int
    attempt: int
    seconds: float
    lease_lost: bool


class QueueSnapshot(NamedTuple):
    """One queue and its handler. `prefetched`: here, not started. `consumed`: a consumer of ours is on it."""

    name: str
    handler: str
    concurrency: int
    prefetch: int
    consumed: bool
    at_risk: bool
    prefetched: int
    in_flight: tuple[InFlight, ...]
    tally: Tally


class Snapshot(NamedTuple):
    """The whole worker. Times in seconds.

    `quiet`: no new work is wanted. `address`: of the broker, without the password; None while there is no connection.
    `draining_for`: since the stop was asked for; None before. `shielded`: the stretches of background tasks that a
    drain waits for. `told`: how often which event was told of which queue (None: of the worker), routine ones excepted.
    """

    phase: Phase
    quiet: bool
    generation: int
    address: str | None
    reason: str | None
    draining_for: float | None
    drain_timeout: float
    shielded: tuple[str, ...]
    queues: tuple[QueueSnapshot, ...]
    told: Mapping[tuple[str, str | None], int]
    published: Published

    @property
    def started(self) -> bool:
        """Whether its start is over."""
        return self.phase not in STARTING

    @property
    def ready(self) -> bool:
        """Whether it takes messages, or will as soon as the broker is back."""
        return self.phase in READY and not self.quiet

    @property
    def draining(self) -> bool:
        """Whether it was told to stop."""
        return self.draining_for is not None

    @property
    def in_flight(self) -> int:
        """How many handlers run."""
        return sum(len(queue.in_flight) for queue in self.queues)

    @property
    def prefetched(self) -> int:
        """How many deliveries wait here."""
        return sum(queue.prefetched for queue in self.queues)
