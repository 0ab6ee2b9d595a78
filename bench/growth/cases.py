"""What is measured: a size of the worker, and what it is given to do.

May know: numbers. May not know: how anything is measured.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What grows in it, and what is looked at."""

    IN_FLIGHT = "in flight"
    PREFETCHED = "prefetched, 10 of them in flight"
    QUEUES = "queues, 100 prefetched in each"
    BODIES = "bytes of body"
    MEMORY = "held in flight"


@dataclass(frozen=True)
class Case:
    """`size`: of what grows. `messages`: handled in all, by all queues together."""

    kind: Kind
    size: int
    messages: int = 20_000
    queues: int = 1
    concurrency: int = 100
    prefetch: int = 100
    in_flight: int = 1
    body: int = 200
    endless: bool = False

    @property
    def name(self) -> str:
        """As a table says it."""
        return f"{self.size:,} {self.kind.value}"

    @property
    def published(self) -> int:
        """Messages in each queue: the last ones begin, so that those before them end."""
        return self.messages // self.queues + self.in_flight - 1

    @property
    def environment(self) -> dict[str, str]:
        """What the worker is told."""
        told = {
            "GROWTH_QUEUES": self.queues,
            "GROWTH_CONCURRENCY": self.concurrency,
            "GROWTH_PREFETCH": self.prefetch,
            "GROWTH_IN_FLIGHT": self.in_flight,
            "BENCH_COUNT": self.messages,
        }
        return {name: str(value) for name, value in told.items()} | ({"GROWTH_ENDLESS": "1"} if self.endless else {})


def _in_flight(size: int) -> Case:
    return Case(Kind.IN_FLIGHT, size, concurrency=size, prefetch=size, in_flight=size)


CASES = (
    *(_in_flight(size) for size in (1, 100, 10_000)),
    *(Case(Kind.PREFETCHED, size, concurrency=10, prefetch=size) for size in (10, 100, 1_000, 10_000)),
    *(Case(Kind.QUEUES, size, queues=size) for size in (1, 10, 50)),
    *(
        Case(Kind.BODIES, size, messages, concurrency=10, prefetch=10, body=size)
        for size, messages in ((1024, 20_000), (16 * 1024, 10_000), (128 * 1024, 2_000), (1024 * 1024, 300))
    ),
    Case(Kind.MEMORY, 10_000, 10_000, concurrency=10_000, prefetch=10_000, endless=True),
)
COMPARED_WITH = {Kind.IN_FLIGHT: 100, Kind.PREFETCHED: 10, Kind.QUEUES: 1, Kind.BODIES: 1024}
"""The size of each kind that the others of its kind are compared with."""
