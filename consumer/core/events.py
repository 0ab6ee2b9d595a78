"""What a worker tells the world while it works: one small record an event.

May know: nothing but itself. May not know: clocks (the sink stamps the time), sinks, the engine.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeAlias

EventName: TypeAlias = Literal[
    "connecting",  # an attempt failed; data: attempt, error, wait (seconds until the next)
    "connected",  # a generation began; data: generation, address
    "connection_lost",  # data: generation, reason
    "channel_lost",  # one queue is no longer consumed, the connection stands; data: generation, reason
    "consuming",  # every queue is consumed: the worker is ready; data: queues
    "quieted",  # no queue is consumed, by wish; what was not started is handed back; data: reason, in_flight
    "resumed",  # new work is wanted again: `consuming` follows
    "queue_at_risk",  # returns can drop its messages; data: limit, dead_letters, consequence, mend
    "received",  # a delivery arrived; data: tag, generation, redelivered
    "started",  # its handler was started
    "finished",  # its handler ended; data: outcome, seconds
    "settled",  # acked; data: outcome
    "requeued",  # nacked back to its queue; data: reason (docs/events.md)
    "lease_lost",  # its channel is gone, the broker will deliver it again; data: state (prefetched, in_flight)
    "retrying",  # a failed handler is started again in place; data: attempt (the next), seconds (before it), reason
    "put_off",  # a copy comes back later, for the next attempt; data: attempt, seconds, reason
    "retry_failed",  # that copy could not be published yet; data: attempt (of publishing), error
    "timed_out",  # a handler ran longer than its timeout and was cancelled; data: seconds
    "joined",  # a redelivery is settled with its first run here; data: tag, to (handler: it runs; memory: it has ended)
    "already_completed",  # its inbox says so: acked without running
    "claim_lost",  # its claim in the inbox ended while it ran: it may have been run elsewhere too
    "inbox_away",  # the inbox's store does not answer; data: error
    "defect",  # an error of this package's own; the message goes back; data: error
    "saving_failed",  # near its delivery limit, and no copy could be published: nacked; data: returns, error
    "parking_failed",  # the copy could not be published yet; data: attempt, error
    "parked",  # set aside in the parking queue; data: reason
    "process_died",  # a handler's process has ended by itself; data: handler, how (exit code or signal)
    "process_start_failed",  # there is none in its place yet; data: handler, error, wait (seconds until the next try)
    "background_failed",  # a background task raised; data: task, error
    "orphaned",  # in flight when the drain timeout passed: cancelled and requeued; data: tag
    "loop_blocked",  # the loop is free again after a task has blocked it; data: task, seconds
    "lifespan_failed",  # closing what the user opened raised or hung; data: error
    "drain_started",  # data: reason, in_flight, prefetched
    "drain_finished",  # data: exit_code, seconds, finished, handed_back, orphans (list of message ids)
]


class Event(NamedTuple):
    """One thing that happened. `queue` and `message_id` are None where the event is about the worker itself."""

    name: EventName
    queue: str | None = None
    message_id: str | None = None
    data: Mapping[str, object] = MappingProxyType({})


Observer: TypeAlias = Callable[[Event], None]
"""Is told of every event, synchronously, on the loop's thread: it must return at once and never raise."""

ROUTINE: frozenset[EventName] = frozenset({"received", "started", "finished", "settled"})
"""What every delivery goes through. These are made only while somebody wants them."""


class Audience(Protocol):
    """Those who are told."""

    @property
    def wants_routine(self) -> bool:
        """Whether one of them wants the events of `ROUTINE`."""

    def __call__(self, event: Event) -> None:
        """Tell them."""
