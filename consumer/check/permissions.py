"""What the broker's user must be allowed, and what it is not.

May know: what RabbitMQ asks permissions for. May not know: how they were found out.
"""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping

from consumer.check.finding import Finding, Rule, Unchecked
from consumer.check.patterns import matches
from consumer.check.subject import HandlerFacts, Need, Purpose, Subject
from consumer.core.queue import delay_prefix

DEFAULT_EXCHANGE = "amq.default"
"""What permissions call the exchange without a name, by which everything goes that is retried or parked."""

MISSING = Rule(
    "permission-missing",
    "error",
    "The broker's user lacks a permission that the worker can't do without.",
    "It does not start (to declare or consume its queues), or what fails can be neither retried nor parked.",
    "Give it the permission (`rabbitmqctl set_permissions`), or create the queue beforehand.",
)
DELAYS = Rule(
    "permission-to-delay",
    "warning",
    "The broker's user may not declare the queues in which messages wait for their next attempt.",
    "A retry that has to wait fails, unless somebody has created its level queue (docs/delivery-limits.md).",
    "Let it configure `<queue>\\.retry\\..*` too, or create those queues beforehand.",
)
RULES = (MISSING, DELAYS)

_FOR: Mapping[Purpose, str] = {
    "consume": "to consume it",
    "declare": "to declare it, since it does not exist",
    "park": "to park and to retry messages",
    "delay": "for messages that wait for their next attempt",
    "bind": "to bind the queue",
}


def check(subject: Subject) -> Iterator[Finding | Unchecked]:
    """Say what is denied."""
    for each in subject.denied:
        need = each.need
        rule = DELAYS if need.purpose == "delay" else MISSING
        what = f"Handler {need.handler!r} needs {need.permission} on {need.resource!r}, {_FOR[need.purpose]}."
        yield rule.found(each.where, what, mend=f"{rule.mend} Needed: {need.permission} {pattern(need.resource)}")


def needs(handler: HandlerFacts, existing: Collection[str]) -> Iterator[Need]:
    """What its user needs for this handler, where these queues (and exchanges) are there already."""
    queue, name = handler.queue, handler.name
    if queue.name not in existing and queue.declare:
        yield Need("configure", queue.name, "declare", name)
    if queue.parking not in existing:
        yield Need("configure", queue.parking, "declare", name)
    yield Need("read", queue.name, "consume", name)
    yield Need("write", DEFAULT_EXCHANGE, "park", name)
    yield Need("configure", f"{delay_prefix(queue.name)}1s", "delay", name)
    if queue.bindings:
        yield Need("write", queue.name, "bind", name)
    for exchange in sorted({binding.exchange for binding in queue.bindings}):
        if exchange not in existing and not exchange.startswith("amq."):
            yield Need("configure", exchange, "declare", name)
        yield Need("read", exchange, "bind", name)


def denied_by(patterns: Mapping[str, str], need: Need) -> bool:
    """Whether the regular expressions (by permission, as RabbitMQ takes them) don't cover it. Raises Unjudged."""
    given = patterns.get(need.permission)
    return not given or not matches(given, need.resource)


def pattern(resource: str) -> str:
    """The expression for one resource, quoted for a shell."""
    return shlex.quote(f"^{re.escape(resource)}$")
