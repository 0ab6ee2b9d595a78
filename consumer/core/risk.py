"""Whether scale-downs or lost connections can make a queue drop messages that nobody ran, and what mends that.

May know: what is known of a queue. May not know: who is told.
"""

import re
import shlex
from typing import NamedTuple

from consumer.core.facts import QueueFacts
from consumer.core.queue import UNREACHABLE_DELIVERY_LIMIT, Queue

OUT_OF_REACH = 10_000
"""Returns of one message that don't happen by scaling down: a limit from here on is no risk."""


class Risk(NamedTuple):
    """What `queue_at_risk` tells.

    Attributes:
        limit: how often a message may come back.
        dead_letters: whether the queue dead-letters what passes the limit; None: not known.
        consequence: what happens then, as a sentence.
        mend: what to do about it, as a sentence, with the command.
    """

    limit: int
    dead_letters: bool | None
    consequence: str
    mend: str


def risk_of(queue: Queue, facts: QueueFacts) -> Risk | None:
    """The risk for messages that no handler has failed on; None: there is none."""
    limit = facts.delivery_limit
    if facts.kind not in {"quorum", "unknown"} or limit is None or limit >= OUT_OF_REACH:
        return None
    return Risk(limit, facts.dead_letters, f"{_cause(queue, facts, limit)} {_fate(facts)}.", _mend(queue, facts))


def _cause(queue: Queue, facts: QueueFacts, limit: int) -> str:
    seen = "has" if facts.kind == "quorum" else "(which could not be looked into) may have"
    about = f"queue {queue.name!r} {seen} a delivery limit of {limit}"
    if facts.nack_is_free:
        return (
            f"{about}: hand-backs don't count on this RabbitMQ, but a message that was held by {limit + 1} workers or "
            "connections that died is"
        )
    return f"{about}: a message that was handed back {limit + 1} times, by scale-downs or lost connections, is"


def _fate(facts: QueueFacts) -> str:
    if facts.dead_letters:
        return "moved to the queue's dead-letter exchange, run or not"
    if facts.dead_letters is None:
        return "dropped silently, or dead-lettered if the queue does that"
    unless = "" if facts.policies_known else ", unless a policy names a dead-letter exchange"
    return f"dropped silently, run or not{unless}"


def _mend(queue: Queue, facts: QueueFacts) -> str:
    if facts.limit_source == "argument":
        return (
            f"The limit is an argument of the queue, which a policy can only lower: stop its workers, move its "
            f"messages away (a shovel), `rabbitmqctl delete_queue {shlex.quote(queue.name)}`, and let the worker "
            f"declare it (with a limit of {UNREACHABLE_DELIVERY_LIMIT}), or declare it so yourself."
        )
    if facts.limit_source == "policy":
        return (
            f"The limit comes from a policy: set its delivery-limit to {UNREACHABLE_DELIVERY_LIMIT} "
            "(`rabbitmqctl list_policies`, `rabbitmqctl list_operator_policies`)."
        )
    definition = f'{{"delivery-limit": {UNREACHABLE_DELIVERY_LIMIT}}}'
    words = ["--apply-to", "queues", f"{queue.name}-limit", f"^{re.escape(queue.name)}$", definition]
    return (
        f"`rabbitmqctl set_policy {shlex.join(words)}` (with `-p VHOST` unless it is /). One policy applies to a queue "
        "at a time: if one does already, add the delivery-limit to that one."
    )
