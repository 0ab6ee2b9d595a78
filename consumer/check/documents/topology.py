"""What RabbitMQ's Messaging Topology Operator is told: queues, with the policies in force for them, and permissions.

May know: its resources. May not know: rules.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from consumer.check.documents.clusters import is_rabbitmq, version
from consumer.check.documents.document import Document, finite, mapping, text
from consumer.check.documents.policies import in_force
from consumer.check.finding import Unchecked
from consumer.check.patterns import Unjudged
from consumer.check.permissions import denied_by, needs
from consumer.check.subject import Denied, HandlerFacts, QueueSeen
from consumer.core.facts import facts_of


def queues(documents: Sequence[Document]) -> Iterator[QueueSeen | Unchecked]:
    """The queues that they make, with the policies that will be in force."""
    for each in documents:
        if each.kind == "Queue" and is_rabbitmq(each):
            yield from _queue(each, documents)


def _queue(document: Document, documents: Sequence[Document]) -> Iterator[QueueSeen | Unchecked]:
    spec = mapping(document.content, "spec")
    arguments: dict[str, Any] = {"x-queue-type": text(spec.get("type")) or "classic", **mapping(spec, "arguments")}
    name, broker = text(spec.get("name")), version(documents, document)
    try:
        policy = in_force(name, str(arguments["x-queue-type"]), document, documents, broker)
        facts = facts_of(broker, arguments, policy)
    except Unjudged as why:
        policy, facts = {}, facts_of(broker, arguments, {})._replace(delivery_limit=None)
        yield Unchecked(f"delivery limit and dead-lettering of {document.where}", str(why))
    yield QueueSeen(
        name,
        document.where,
        durable=spec.get("durable") is True,
        auto_delete=spec.get("autoDelete") is True,
        facts=facts,
        consumer_timeout=consumer_timeout(arguments, policy),
    )


def consumer_timeout(arguments: Mapping[str, Any], policy: Mapping[str, Any] | None) -> float | None:
    """What an argument or a policy says of it, in seconds, the lower of the two; None: neither does."""
    given = (arguments.get("x-consumer-timeout"), (policy or {}).get("consumer-timeout"))
    known = [each / 1000 for each in map(finite, given) if each is not None]
    return min(known, default=None)


def denied(
    documents: Sequence[Document], handlers: Sequence[HandlerFacts], existing: Collection[str]
) -> Iterator[Denied | Unchecked]:
    """What the worker's user lacks by these Permissions, where `existing` queues are there before it."""
    permissions = [each for each in documents if each.kind == "Permission" and is_rabbitmq(each)]
    if len(permissions) > 1:
        names = ", ".join(each.name for each in permissions)
        yield Unchecked(f"the Permissions {names}", "nothing says which of their users is the worker's: give that one")
        return
    for each in permissions:
        patterns = {name: text(value) for name, value in mapping(each.content, "spec", "permissions").items()}
        where = each.where.at("spec.permissions")
        try:
            yield from (
                Denied(need, where.at(need.permission))
                for handler in handlers
                for need in needs(handler, existing)
                if denied_by(patterns, need)
            )
        except Unjudged as error:
            yield Unchecked(str(where), f"a pattern in it can't be judged: {error}")
