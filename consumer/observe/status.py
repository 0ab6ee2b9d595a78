"""The worker's status as facts, for JSON and for the page: state, queues, what is in flight, the last errors.

May know: the worker's picture, the last errors. May not know: bodies, headers, secrets, HTTP.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from consumer._version import __version__
from consumer.core.snapshot import InFlight, QueueSnapshot, Snapshot

MOST_IN_FLIGHT = 200
"""Deliveries that are shown one by one, the oldest first."""

Facts: TypeAlias = Mapping[str, Any]


class Status:
    """Made when the worker starts. `errors`: the last ones, the newest first."""

    def __init__(self, worker: str, errors: Callable[[], list[dict[str, object]]]) -> None:
        self._worker = worker
        self._errors = errors
        self._began = time.monotonic()

    def facts(self, seen: Snapshot, loop_silent_for: float) -> Facts:
        """What `/statusz` tells. Times in seconds, `at` since the epoch."""
        in_flight = sorted((each for queue in seen.queues for each in queue.in_flight), key=_age, reverse=True)
        return {
            "worker": self._worker,
            "version": __version__,
            "pid": os.getpid(),
            "at": time.time(),
            "uptime": round(time.monotonic() - self._began, 3),
            "phase": seen.phase.value,
            "ready": seen.ready,
            "quiet": seen.quiet,
            "loop_silent_for": round(loop_silent_for, 3),
            "connection": {"address": seen.address, "generation": seen.generation},
            "drain": _drain(seen),
            "queues": [_queue(queue) for queue in seen.queues],
            "in_flight": [_in_flight(each) for each in in_flight[:MOST_IN_FLIGHT]],
            "in_flight_not_shown": max(0, len(in_flight) - MOST_IN_FLIGHT),
            "shielded": list(seen.shielded),
            "errors": self._errors(),
        }


def _drain(seen: Snapshot) -> Facts | None:
    if seen.draining_for is None:
        return None
    return {"reason": seen.reason, "seconds": round(seen.draining_for, 3), "timeout": seen.drain_timeout}


def _queue(queue: QueueSnapshot) -> Facts:
    tally = queue.tally
    return {
        "name": queue.name,
        "handler": queue.handler,
        "concurrency": queue.concurrency,
        "prefetch": queue.prefetch,
        "consumed": queue.consumed,
        "at_risk": queue.at_risk,
        "in_flight": len(queue.in_flight),
        "prefetched": queue.prefetched,
        "received": tally.received,
        "redelivered": tally.redelivered,
        "ended": dict(tally.ended),
        "handler_runs": tally.durations.count,
        "handler_seconds": round(tally.durations.total, 3),
    }


def _in_flight(each: InFlight) -> Facts:
    return {
        "queue": each.queue,
        "handler": each.handler,
        "message_id": each.message_id,
        "attempt": each.attempt,
        "seconds": round(each.seconds, 3),
        "lease_lost": each.lease_lost,
    }


def _age(each: InFlight) -> float:
    return each.seconds
