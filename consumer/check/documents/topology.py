"""What RabbitMQ's operators are told: queues, policies, permissions, and the cluster's rabbitmq.conf.

May know: the resources of the Cluster Operator and of the Messaging Topology Operator. May not know: rules.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from consumer.check.documents.document import Document, at, finite, mapping, number, text
from consumer.check.finding import Unchecked
from consumer.check.permissions import denied_by, needs
from consumer.check.subject import Denied, HandlerFacts, QueueSeen
from consumer.core.facts import Version, facts_of

VERSION: Version = (4, 0)
"""Taken where only manifests tell of a broker: the one on which most is lost by returning messages."""
APPLIES_TO = {"quorum": "quorum_queues", "classic": "classic_queues", "stream": "streams"}


def queues(documents: Sequence[Document]) -> Iterator[QueueSeen]:
    """The queues that they make, with the policies that will be in force."""
    policies = [each for each in documents if each.kind == "Policy" and _is_rabbitmq(each)]
    for each in documents:
        if each.kind != "Queue" or not _is_rabbitmq(each):
            continue
        spec = mapping(each.content, "spec")
        kind = text(spec.get("type")) or "classic"
        arguments: dict[str, Any] = {"x-queue-type": kind, **mapping(spec, "arguments")}
        name = text(spec.get("name"))
        policy = _policy(name, text(spec.get("vhost")) or "/", str(arguments["x-queue-type"]), policies)
        yield QueueSeen(
            name,
            each.where,
            durable=spec.get("durable") is True,
            auto_delete=spec.get("autoDelete") is True,
            facts=facts_of(VERSION, arguments, policy),
            consumer_timeout=consumer_timeout(arguments, policy),
        )


def consumer_timeout(arguments: Mapping[str, Any], policy: Mapping[str, Any] | None) -> float | None:
    """What an argument or a policy says of it, in seconds, the lower of the two; None: neither does."""
    given = (arguments.get("x-consumer-timeout"), (policy or {}).get("consumer-timeout"))
    known = [each / 1000 for each in map(finite, given) if each is not None]
    return min(known, default=None)


def broker_timeout(documents: Sequence[Document]) -> tuple[float, str] | None:
    """The consumer_timeout in the rabbitmq.conf of a RabbitmqCluster, in seconds, and where it stands."""
    for each in documents:
        if each.kind == "RabbitmqCluster":
            path = ("spec", "rabbitmq", "additionalConfig")
            found = re.search(
                r"^\s*consumer_timeout\s*=\s*(\d{1,15})\s*(?:#.*)?$", text(at(each.content, *path)), re.MULTILINE
            )
            if found:
                return int(found[1]) / 1000, str(each.where.at(".".join(path)))
    return None


def denied(
    documents: Sequence[Document], handlers: Sequence[HandlerFacts], existing: Collection[str]
) -> Iterator[Denied | Unchecked]:
    """What the worker's user lacks by these Permissions, where `existing` queues are there before it."""
    permissions = [each for each in documents if each.kind == "Permission" and _is_rabbitmq(each)]
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
        except re.error as error:
            yield Unchecked(str(where), f"a pattern in it is none that Python reads: {error}")


def _policy(name: str, vhost: str, kind: str, policies: Sequence[Document]) -> Mapping[str, Any]:
    """The definition of the policy of the highest priority that applies to the queue."""
    matching = [
        each
        for each in policies
        if (text(at(each.content, "spec", "vhost")) or "/") == vhost
        and (text(at(each.content, "spec", "applyTo")) or "all") in {"all", "queues", APPLIES_TO.get(kind, "queues")}
        and _matches(text(at(each.content, "spec", "pattern")), name)
    ]
    highest = max(matching, key=lambda each: number(each.content, "spec", "priority", default=0), default=None)
    return {} if highest is None else mapping(highest.content, "spec", "definition")


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def _is_rabbitmq(document: Document) -> bool:
    return text(document.content.get("apiVersion")).startswith("rabbitmq.com/")
