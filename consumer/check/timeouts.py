"""How long the broker lets a delivery be out, and how many a worker keeps out.

May know: what is looked at. May not know: how it was read.
"""

import math
from collections.abc import Iterator

from consumer.check.finding import Finding, Rule, Unchecked, Where
from consumer.check.subject import HandlerFacts, Subject

CONSUMER_TIMEOUT = 1800.0
"""RabbitMQ's own, in seconds, where rabbitmq.conf, the queue and its policies say nothing else."""
FAR_ABOVE = 4
"""Times the concurrency. docs/delivery-limits.md: twice is plenty even for the shortest handlers."""

LEASE = Rule(
    "consumer-timeout",
    "error",
    "A delivery may be out longer than the broker's consumer_timeout.",
    "RabbitMQ takes it back while its handler runs, with the whole channel up to 4.2: it runs again elsewhere, and "
    "this one's ack counts for nothing. What waits in the prefetch counts too.",
    "Raise consumer_timeout in rabbitmq.conf (or `consumer-timeout` by a policy), or lower `timeout=` or the prefetch.",
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
    return handler.timeout * math.ceil(handler.prefetch / handler.concurrency)


def _limit(subject: Subject, queue: str) -> tuple[float, str | None]:
    """The consumer timeout of the queue, and who says so (None: nobody): the queue's own goes before the broker's."""
    known = [
        (each.consumer_timeout, str(each.where))
        for each in subject.queues
        if each.name == queue and each.consumer_timeout is not None
    ]
    return min(known) if known else subject.consumer_timeout or (CONSUMER_TIMEOUT, None)


def _told(handler: HandlerFacts, held: float, limit: float, source: str | None) -> str:
    rounds = math.ceil(handler.prefetch / handler.concurrency)
    times = f" ({rounds} times {handler.timeout:g}: prefetch {handler.prefetch}, concurrency {handler.concurrency})"
    says = source or "RabbitMQ's default; nothing here says otherwise"
    return (
        f"Handler {handler.name!r} may keep a delivery for {held:g} s{times if rounds > 1 else ''}, "
        f"and consumer_timeout is {limit:g} s ({says})."
    )
