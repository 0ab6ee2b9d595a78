"""Which policies are in force for a queue: a user's and an operator's, as RabbitMQ chooses and merges them.

May know: Policy and OperatorPolicy of the Messaging Topology Operator. May not know: rules.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.check.documents.clusters import is_rabbitmq
from consumer.check.documents.document import Document, at, mapping, number, text
from consumer.check.documents.vhosts import vhost
from consumer.check.patterns import Unjudged, matches
from consumer.core.facts import Version

APPLIES_TO = {"quorum": "quorum_queues", "classic": "classic_queues", "stream": "streams"}
OPERATORS = frozenset({"delivery-limit", "delayed-retry-type", "delayed-retry-min", "delayed-retry-max"})
"""What an operator policy may say of all that is looked at here (RabbitMQ refuses one that says more)."""
_UNLIMITED: Version = (4, 0)
"""From here on a policy may have a negative delivery limit; before, it is refused."""


def in_force(name: str, kind: str, queue: Document, documents: Sequence[Document], version: Version) -> dict[str, Any]:
    """The definition that is in force for a queue of this name and type. Raises Unjudged."""
    users, operators = (
        mapping(_highest(each, name, kind, queue, documents, version), "spec", "definition")
        for each in ("Policy", "OperatorPolicy")
    )
    return merged(users, {key: value for key, value in operators.items() if key in OPERATORS})


def merged(users: Mapping[str, Any], operators: Mapping[str, Any]) -> dict[str, Any]:
    """Both definitions: of two delivery limits the lower one holds (a negative one is none), else the operator's."""
    both = {**users, **operators}
    limits = [each["delivery-limit"] for each in (users, operators) if isinstance(each.get("delivery-limit"), int)]
    if limits:
        both["delivery-limit"] = min([each for each in limits if each >= 0], default=-1)
    return both


def _highest(
    policy: str, name: str, kind: str, queue: Document, documents: Sequence[Document], version: Version
) -> Mapping[str, Any]:
    """The one of the highest priority; only one of each kind applies to a queue."""
    matching = [
        each
        for each in documents
        if each.kind == policy
        and is_rabbitmq(each)
        and vhost(each) == vhost(queue)
        and (text(at(each.content, "spec", "applyTo")) or "all") in {"all", "queues", APPLIES_TO.get(kind, "queues")}
        and _is_taken(each, version)
        and _matches(each, name)
    ]
    highest = max(matching, key=lambda each: number(each.content, "spec", "priority", default=0), default=None)
    return {} if highest is None else highest.content


def _is_taken(policy: Document, version: Version) -> bool:
    limit = at(policy.content, "spec", "definition", "delivery-limit")
    return version >= _UNLIMITED or not isinstance(limit, int) or limit >= 0


def _matches(policy: Document, name: str) -> bool:
    try:
        return matches(text(at(policy.content, "spec", "pattern")), name)
    except Unjudged as why:
        raise Unjudged(f"{policy.where}: its pattern can't be judged: {why}") from None
