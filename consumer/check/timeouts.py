"""How long the broker lets a delivery be out, and how many a worker keeps out.

May know: what is looked at. May not know: how it was read.
"""

import math
from collections.abc import Iterator

from consumer.check.finding import Finding, Rule, Unchecked, Where
from consumer.check.subject import HandlerFacts, Subject
from consumer.core.retry import RetryPolicy

CONSUMER_TIMEOUT = 1800.0
"""RabbitMQ's own, in seconds, where rabbitmq.conf, the queue and its policies say nothing else."""
FAR_ABOVE = 4
"""Times the concurrency. docs/delivery-limits.md: twice is plenty even for the shortest handlers."""

LEASE = Rule(
    "consumer-timeout",
    "error",
    "A delivery may be out longer than the broker's consumer_timeout.",
    "RabbitMQ takes it back while its handler runs, with the whole channel up to 4.2: it runs again elsewhere, and "
    "this one's ack counts for nothing. What waits in the prefetch counts too, and so do attempts in place.",
    "Raise consumer_timeout in rabbitmq.conf (or `consumer-timeout` by a policy), or lower `timeout=`, the prefetch, "
    "or the retry policy's in_place.",
)
PREFETCH = Rule(
    "prefetch-far-above-concurrency",
    "warning",
    "The prefetch is more than four times the concurrency.",
    "What waits here another worker could run; each stop hands it back, which counts towards a delivery limit up to "
    "4.2, and its time towards consumer_timeout.",
    "Leave the prefetch out, so that it is the concurrency; where handlers take milliseconds, twice that is plenty.",
)
RULES = (LEASE, PREFETCH)


def check(subject: Subject) -> Iterator[Finding | Unchecked]:
    """Look at each handler."""
    assumed = False
    for handler in subject.handlers:
        where = Where(document=f"handler {handler.name}")
        limit, source = _limit(subject, handler.queue.name)
        held = longest_hold(handler)
        if held is not None:
            assumed = assumed or source is None
            if held >= limit:
                yield LEASE.found(where, _told(handler, held, limit, source))
        if handler.prefetch > FAR_ABOVE * handler.concurrency:
            what = f"Handler {handler.name!r} prefetches {handler.prefetch} for a concurrency of {handler.concurrency}."
            yield PREFETCH.found(where, what)
    if assumed:
        why = "no client can ask for it: taken as 30 minutes, RabbitMQ's default; --consumer-timeout says it"
        yield Unchecked("consumer_timeout in rabbitmq.conf", why)


def longest_hold(handler: HandlerFacts) -> float | None:
    """Seconds that a delivery may be out at most: its wait in the prefetch, and its run. None: not known."""
    if handler.timeout is None:
        return None
    return _longest_run(handler, handler.timeout) * _rounds(handler)


def _rounds(handler: HandlerFacts) -> int:
    return math.ceil(handler.prefetch / handler.concurrency)


def _longest_run(handler: HandlerFacts, timeout: float) -> float:
    """One message in its slot: all attempts in place, and the waits between them."""
    return timeout * (1 + in_place(handler.retry)) + sum(_waits(handler.retry))


def in_place(policy: RetryPolicy) -> int:
    """How many attempts after the first a message may have while its slot is kept."""
    return sum(1 for _ in _waits(policy))


def _waits(policy: RetryPolicy) -> Iterator[float]:
    """The longest waits in place: each takes longer than the one before, so these are the first ones."""
    for attempt in range(1, policy.attempts):
        if policy.wait(attempt, chance=1) > policy.in_place:
            return
        yield min(policy.wait(attempt, chance=0), policy.in_place)


def _limit(subject: Subject, queue: str) -> tuple[float, str | None]:
    """The consumer timeout of the queue, and who says so (None: nobody): the queue's own goes before the broker's."""
    known = [
        (each.consumer_timeout, str(each.where))
        for each in subject.queues
        if each.name == queue and each.consumer_timeout is not None
    ]
    return min(known) if known else subject.consumer_timeout or (CONSUMER_TIMEOUT, None)


def _told(handler: HandlerFacts, held: float, limit: float, source: str | None) -> str:
    rounds, more = _rounds(handler), in_place(handler.retry)
    counted = [f"{rounds} times"] * (rounds > 1) + [f"{1 + more} attempts of"] * (more > 0) + [f"{handler.timeout:g}"]
    details = [f"prefetch {handler.prefetch}, concurrency {handler.concurrency}"] * (rounds > 1)
    details += [f"in_place {handler.retry.in_place:g}"] * (more > 0)
    how = f" ({' '.join(counted)}: {', '.join(details)})" if details else ""
    says = source or "RabbitMQ's default; nothing here says otherwise"
    out = f"Handler {handler.name!r} may keep a delivery for {held:g} s{how}"
    return f"{out}, and consumer_timeout is {limit:g} s ({says})."
