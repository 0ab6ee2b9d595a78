"""Statuses of workers for tests of `lastcall top`, as /statusz tells them.

May know: what /statusz tells. May not know: who reads it.
"""

from typing import Any

from consumer.cli.top_status import Status


def queue(name: str = "orders", **facts: object) -> dict[str, Any]:
    usual = {"handler": "charge", "concurrency": 10, "prefetch": 10, "consumed": True, "at_risk": False, "in_flight": 0}
    more = {"prefetched": 0, "received": 0, "redelivered": 0, "ended": {}, "handler_runs": 0, "handler_seconds": 0.0}
    return {"name": name, **usual, **more, **facts}


def delivery(message_id: str | None = "order-1", **facts: object) -> dict[str, Any]:
    usual = {"queue": "orders", "handler": "charge", "attempt": 1, "seconds": 1.5, "lease_lost": False}
    return {"message_id": message_id, **usual, **facts}


def told(**facts: object) -> dict[str, Any]:
    """The JSON of a worker that consumes one queue and has nothing to do."""
    usual = {"worker": "lastcall web-1 4711", "version": "1", "pid": 4711, "at": 1.0, "uptime": 100.0}
    state = {"phase": "consuming", "ready": True, "quiet": False, "loop_silent_for": 0.0, "drain": None}
    rest = {"queues": [queue()], "in_flight": [], "in_flight_not_shown": 0, "shielded": [], "errors": []}
    return {**usual, **state, **rest, "connection": {"address": "amqp://host", "generation": 1}, **facts}


def status(**facts: object) -> Status:
    return Status.model_validate(told(**facts))
