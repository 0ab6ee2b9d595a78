"""What a metric is: its name, kind, labels and help, and how its values are read off the worker's picture.

May know: the worker's picture. May not know: which metrics there are, prometheus_client, HTTP.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from consumer.core.events import EventName
from consumer.core.snapshot import QueueSnapshot, Snapshot
from consumer.core.tally import Histogram


@dataclass(frozen=True, slots=True)
class Sight:
    """All that metrics are made of: the worker's picture, and the loop's lag in seconds (None: nobody asks it)."""

    worker: Snapshot
    loop_lag: float | None


Labels: TypeAlias = tuple[str, ...]
Value: TypeAlias = float | Histogram
Samples: TypeAlias = Iterable[tuple[Labels, Value]]
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. A counter's `name` lacks the `_total` that it is exposed with. `read` gives labels and values."""

    name: str
    kind: Kind
    labels: Labels
    help: str
    read: Callable[[Sight], Samples]

    @property
    def exposed_name(self) -> str:
        """What to ask Prometheus for; a histogram's series have `_bucket`, `_sum` and `_count` behind it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def of_worker(value: Callable[[Snapshot], float]) -> Callable[[Sight], Samples]:
    """One value, without labels."""
    return lambda sight: [((), value(sight.worker))]


def of_queue(value: Callable[[QueueSnapshot], Value]) -> Callable[[Sight], Samples]:
    """One value a queue."""
    return lambda sight: [((queue.name,), value(queue)) for queue in sight.worker.queues]


def of_handler(value: Callable[[QueueSnapshot], Value]) -> Callable[[Sight], Samples]:
    """One value a handler."""
    return lambda sight: [((queue.name, queue.handler), value(queue)) for queue in sight.worker.queues]


def told(event: EventName) -> Callable[[Sight], Samples]:
    """How often the worker told of it."""
    return of_worker(lambda worker: worker.told.get((event, None), 0))


def told_of_queue(event: EventName) -> Callable[[Sight], Samples]:
    """How often the worker told of it, by queue."""
    return lambda sight: [
        ((queue.name,), sight.worker.told.get((event, queue.name), 0)) for queue in sight.worker.queues
    ]
