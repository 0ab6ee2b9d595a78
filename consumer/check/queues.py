"""The queues that the worker consumes: do they keep their messages while workers come and go?

May know: what is known of queues. May not know: how it was found out.
"""

from collections.abc import Iterator

from consumer.check.finding import Finding, Rule, Unchecked
from consumer.check.subject import HandlerFacts, QueueSeen, Subject
from consumer.core.risk import risk_of

AUTO_DELETE = Rule(
    "queue-auto-delete",
    "error",
    "A queue is auto-delete.",
    "When the last worker stops consuming, as each drain does, RabbitMQ deletes the queue with all its messages.",
    "Delete it and let the worker declare it, or declare it with auto_delete=false.",
)
TRANSIENT = Rule(
    "queue-not-durable",
    "error",
    "A queue is not durable.",
    "It and its messages go when the broker restarts.",
    "Delete it and let the worker declare it, or declare it durable.",
)
EXCLUSIVE = Rule(
    "queue-exclusive",
    "error",
    "A queue is exclusive to another connection.",
    "Nobody else may consume it, and it goes with that connection, messages and all.",
    "Use a durable, shared queue.",
)
STREAM = Rule(
    "queue-is-a-stream",
    "error",
    "A queue is a stream.",
    "An ack there means credit, not completion, and nothing can be handed back: the worker does not start.",
    "Use a quorum queue; it can be bound to the same exchange.",
)
TYPE = Rule(
    "queue-of-another-type",
    "error",
    "A queue has another type than the worker asks for.",
    "The worker does not start.",
    "Leave `type` out of its Queue(...), or delete the queue so that the worker can declare it.",
)
MISSING = Rule(
    "queue-missing",
    "error",
    "A queue does not exist, and Queue(declare=False) says not to declare it.",
    "The worker does not start.",
    "Create it first, check its name and the virtual host, or let the worker declare it.",
)
DROPS = Rule(
    "delivery-limit-drops",
    "error",
    "A quorum queue has a delivery limit that returns can reach, and no dead-letter exchange.",
    "RabbitMQ deletes what has been returned more often, by scale-downs or lost connections, though no handler ever "
    "saw it. The default is 20 from RabbitMQ 4.0 on (docs/delivery-limits.md).",
    "Set a delivery limit of 1000000000 by a policy; attempts are counted in a header of ours.",
)
DEAD_LETTERS = Rule(
    "delivery-limit-dead-letters",
    "warning",
    "A quorum queue has a delivery limit that returns can reach, and dead-letters.",
    "What was returned more often, by scale-downs or lost connections, goes to the dead-letter exchange, run or not.",
    "Set a delivery limit of 1000000000 by a policy; attempts are counted in a header of ours.",
)
RULES = (AUTO_DELETE, TRANSIENT, EXCLUSIVE, STREAM, TYPE, MISSING, DROPS, DEAD_LETTERS)


def check(subject: Subject) -> Iterator[Finding | Unchecked]:
    """Look at each queue of each handler, wherever it was seen."""
    absent = dict(subject.absent)
    for handler in {each.queue.name: each for each in subject.handlers}.values():
        seen = [each for each in subject.queues if each.name == handler.queue.name]
        for each in seen:
            yield from _traits(handler, each)
            yield from _limit(handler, each)
        if not seen and handler.queue.name in absent and not handler.queue.declare:
            yield MISSING.found(absent[handler.queue.name], f"Queue {handler.queue.name!r} does not exist.")


def _traits(handler: HandlerFacts, seen: QueueSeen) -> Iterator[Finding]:
    if seen.exclusive:
        yield EXCLUSIVE.found(seen.where, f"Queue {seen.name!r} is exclusive.")
    if seen.auto_delete:
        yield AUTO_DELETE.found(seen.where, f"Queue {seen.name!r} is auto-delete.")
    if not seen.durable:
        yield TRANSIENT.found(seen.where, f"Queue {seen.name!r} is not durable.")
    kind = seen.facts.kind if seen.facts is not None else "unknown"
    if kind == "stream":
        yield STREAM.found(seen.where, f"Queue {seen.name!r} is a stream.")
    elif handler.queue.type is not None and kind not in {"unknown", handler.queue.type}:
        what = f"Queue {seen.name!r} is a {kind} queue, and the worker asks for type={handler.queue.type!r}."
        yield TYPE.found(seen.where, what)


def _limit(handler: HandlerFacts, seen: QueueSeen) -> Iterator[Finding | Unchecked]:
    facts = seen.facts
    if facts is None or facts.kind == "unknown":
        if seen.durable and not (seen.exclusive or seen.auto_delete):
            why = "the user may not configure it, so AMQP tells nothing of it: LASTCALL_MANAGEMENT_URL would"
            yield Unchecked(f"type, delivery limit and dead-lettering of queue {seen.name!r}", why)
        return
    risk = risk_of(handler.queue, facts)
    if risk is not None:
        rule = DEAD_LETTERS if facts.dead_letters else DROPS
        yield rule.found(seen.where, f"{risk.consequence[0].upper()}{risk.consequence[1:]}", mend=risk.mend)
    if not facts.policies_known:
        why = "AMQP doesn't show them: LASTCALL_MANAGEMENT_URL would tell"
        yield Unchecked(f"the policies of queue {seen.name!r}", why)
