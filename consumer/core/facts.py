"""What is known of a queue once it is prepared: what its broker does with a message that is returned too often.

May know: RabbitMQ's queue arguments and policies, and what each version makes of them.
May not know: how they were found out.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Version: TypeAlias = tuple[int, int]
"""RabbitMQ's major and minor version."""

LimitSource: TypeAlias = Literal["default", "argument", "policy"]

DEFAULT_DELIVERY_LIMIT = 20
"""Of a quorum queue that was declared without one, from RabbitMQ 4.0 on; there is none before."""
_LIMIT_BY_DEFAULT: Version = (4, 0)
_COUNTS_FAILURES: Version = (4, 3)
"""From here on a nack is no failure, and a queue can delay the messages that failed."""


class QueueFacts(NamedTuple):
    """A queue as far as it could be looked at; where it could not, what is the worst case.

    Attributes:
        kind: "quorum", "classic", another queue type, or "unknown".
        delivery_limit: how often a message may come back before the queue drops or dead-letters it; None: no limit.
        nack_is_free: what is returned by basic.nack doesn't count towards the limit.
        counts_failures_only: `x-delivery-count` counts failures (rejects, lost channels), and not every return.
        native_delay: what is returned by basic.reject comes back after a while that the queue's owner has set.
        dead_letters: what passes the limit goes to a dead-letter exchange; None: not known.
        declared_here: this worker declared it, just now.
        limit_source: what has set the limit.
        policies_known: policies were looked at too, which AMQP doesn't show.
        version: RabbitMQ's.
    """

    kind: str
    delivery_limit: int | None
    nack_is_free: bool
    counts_failures_only: bool
    native_delay: bool
    dead_letters: bool | None
    declared_here: bool = False
    limit_source: LimitSource = "default"
    policies_known: bool = False
    version: Version = _LIMIT_BY_DEFAULT


def facts_of(
    version: Version,
    arguments: Mapping[str, object],
    policy: Mapping[str, object] | None = None,
    *,
    declared_here: bool = False,
) -> QueueFacts:
    """What a queue's arguments mean on this version of RabbitMQ; without `x-queue-type` it is a classic queue.

    `policy`: the definition that is in force for the queue, operator's and user's merged; None: not known.
    """
    kind, in_force = str(arguments.get("x-queue-type", "classic")), policy or {}
    is_quorum, is_new = kind == "quorum", version >= _COUNTS_FAILURES
    limit, source = _limit(version, arguments, in_force)
    return QueueFacts(
        kind=kind,
        delivery_limit=limit if is_quorum else None,
        nack_is_free=is_new or not is_quorum,
        counts_failures_only=is_new and is_quorum,
        native_delay=is_new and is_quorum and _delays_failed(arguments, in_force),
        dead_letters="x-dead-letter-exchange" in arguments or "dead-letter-exchange" in in_force,
        declared_here=declared_here,
        limit_source=source,
        policies_known=policy is not None,
        version=version,
    )


def cautious_facts(version: Version) -> QueueFacts:
    """Of a queue that could not be looked at."""
    limit, _ = _limit(version, {}, {})
    is_new = version >= _COUNTS_FAILURES
    return QueueFacts("unknown", limit, is_new, is_new, native_delay=False, dead_letters=None, version=version)


def _limit(
    version: Version, arguments: Mapping[str, object], policy: Mapping[str, object]
) -> tuple[int | None, LimitSource]:
    """The lower of argument and policy; either replaces the default (measured on 3.10.8, 4.0.5 and 4.3.6).

    A negative one means none, from 4.0 on; before, the message is dropped at its first return.
    """
    has_default = version >= _LIMIT_BY_DEFAULT
    given = _given(arguments, policy)
    limits = [(max(value, 0), source) for value, source in given if value >= 0 or not has_default]
    if limits:
        return min(limits)
    return (None if given or not has_default else DEFAULT_DELIVERY_LIMIT), "default"


def _given(arguments: Mapping[str, object], policy: Mapping[str, object]) -> list[tuple[int, LimitSource]]:
    found: list[tuple[object, LimitSource]] = [
        (arguments.get("x-delivery-limit"), "argument"),
        (policy.get("delivery-limit"), "policy"),
    ]
    return [(value, source) for value, source in found if isinstance(value, int)]


def _delays_failed(arguments: Mapping[str, object], policy: Mapping[str, object]) -> bool:
    """A policy comes before the argument; without a minimum nothing is delayed (measured on 4.3.6)."""
    kind = policy.get("delayed-retry-type", arguments.get("x-delayed-retry-type"))
    least = policy.get("delayed-retry-min", arguments.get("x-delayed-retry-min"))
    return kind in {"failed", "all"} and isinstance(least, int) and least > 0
