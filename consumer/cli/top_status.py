"""What one look at a worker tells `lastcall top`: its status as it was answered, or why there is none; and rates.

May know: what /statusz tells (docs/health.md). May not know: HTTP, how it is shown.
Who answers may be a worker of another version, or no worker at all: only what is used here is asked of it.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Drain(BaseModel):
    """A drain that has begun."""

    reason: str | None = None
    seconds: Seconds
    timeout: Seconds


class InFlight(BaseModel):
    """A delivery whose handler runs. `seconds`: since its start."""

    queue: str
    handler: str
    message_id: str | None = None
    attempt: int = 1
    seconds: Seconds
    lease_lost: bool = False


class Queue(BaseModel):
    """A queue of a worker. `ended`: how often which outcome, since its start."""

    name: str
    handler: str
    concurrency: Count
    consumed: bool
    in_flight: Count
    prefetched: Count
    received: Count
    redelivered: Count
    ended: dict[str, Count]


class Status(BaseModel):
    """A worker. `in_flight`: the oldest first, and not all of them if there are very many."""

    worker: str
    pid: int
    uptime: Seconds
    phase: str
    ready: bool
    quiet: bool
    loop_silent_for: Seconds
    drain: Drain | None = None
    queues: list[Queue]
    in_flight: list[InFlight]
    in_flight_not_shown: Count = 0
    shielded: list[str] = []

    @property
    def oldest(self) -> float | None:
        """Seconds since the start of the handler that has run for longest."""
        return max((each.seconds for each in self.in_flight), default=None)

    @property
    def running(self) -> int:
        """How many handlers run."""
        return len(self.in_flight) + self.in_flight_not_shown


@dataclass(frozen=True, slots=True)
class Look:
    """What an address answered: a status, or none and the problem."""

    address: str
    status: Status | None = None
    problem: str | None = None


Rates = dict[str, float]
"""How many deliveries a second ended how; only what has happened."""


def rates(before: Status, now: Status) -> dict[str, Rates] | None:
    """Of each queue, between two looks at a worker, by its clock; None: it is another one, or no time has passed."""
    seconds = now.uptime - before.uptime
    if before.pid != now.pid or seconds <= 0:
        return None
    then = {queue.name: queue.ended for queue in before.queues}
    return {queue.name: _ended_since(then.get(queue.name, {}), queue.ended, seconds) for queue in now.queues}


def _ended_since(then: dict[str, int], now: dict[str, int], seconds: float) -> Rates:
    more = {outcome: count - then.get(outcome, 0) for outcome, count in now.items()}
    return {outcome: count / seconds for outcome, count in more.items() if count > 0}
