"""What a user says about a queue, and what we declare when it does not exist yet.

May know: AMQP's and RabbitMQ's names for queue and exchange properties. May not know: connections.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from consumer.errors import ConfigurationError

QueueType = Literal["quorum", "classic"]
ExchangeType = Literal["topic", "direct", "fanout", "headers"]

UNREACHABLE_DELIVERY_LIMIT = 1_000_000_000
"""`x-delivery-limit` of the quorum queues that we declare. From RabbitMQ 4.0 on the default is 20, and 20
returns (scale-downs) would then drop a message that no handler ever saw. -1 switches the limit off on
4.x but drops at the first return on 3.10 (measured); a very large number means the same everywhere."""

PARKING_DECLARATION: Mapping[str, object] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": UNREACHABLE_DELIVERY_LIMIT,
}
"""The arguments of a parking queue. Without the limit, 21 looks at it that requeue would empty it on 4.x."""


_NAME = re.compile(r"[a-zA-Z0-9-_.:@#,/+ ]+")
"""What the client library lets through; it has no words for the rest."""


def delay_prefix(queue: str) -> str:
    """How the names begin of the queues in which messages of this one wait for their next attempt."""
    return f"{queue}.retry."


@dataclass(frozen=True, slots=True)
class Binding:
    """Routes messages of an exchange to the queue; the exchange is declared (durable) when absent."""

    exchange: str
    routing_key: str = ""
    type: ExchangeType = "topic"
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue to consume, with what a bare name leaves open.

    A queue that exists is used as it is and never re-declared; one that does not is declared durable,
    as a quorum queue unless `type` says otherwise, with a delivery limit that scale-downs cannot reach.

    Args:
        name: the queue's name.
        bindings: where its messages come from; made at start, harmless when they exist.
        type: "quorum" (default when declared) or "classic". Given, an existing queue of another type
            stops the start.
        arguments: more queue arguments for the declaration, laid over ours.
        single_active_consumer: one consumer at a time gets messages, in order: declared so, prefetch is 1, and
            the drain keeps the order. Say it of an existing queue that was declared so, too.
        consumer_priority: `x-priority` of our consumer: higher ones are served first.
        declare: False: a queue that does not exist stops the start instead of being declared.
    """

    name: str
    bindings: Sequence[Binding] = ()
    type: QueueType | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    single_active_consumer: bool = False
    consumer_priority: int | None = None
    declare: bool = True

    def __post_init__(self) -> None:
        """Refuse names that AMQP cannot carry (short strings: 255 bytes at most, and the parking queue's is longer)."""
        fits = _NAME.fullmatch(self.name) and len(self.parking) <= 255
        if not fits or self.name.startswith("amq."):
            raise ConfigurationError(
                f"queue name {self.name!r}: it takes 1 to 248 bytes with its prefix, and does not begin with 'amq.'. "
                "Letters and digits (ASCII), spaces and - _ . : @ # , / + are what the client library can send."
            )

    @property
    def parking(self) -> str:
        """Where messages go that cannot be worked: set aside for a person, with the reason."""
        return f"{self.name}.parked"

    @property
    def declaration(self) -> dict[str, object]:
        """The arguments with which an absent queue is declared."""
        kind = self.type or "quorum"
        arguments: dict[str, object] = {"x-queue-type": kind}
        if kind == "quorum":
            arguments["x-delivery-limit"] = UNREACHABLE_DELIVERY_LIMIT
        arguments["x-dead-letter-exchange"] = ""
        arguments["x-dead-letter-routing-key"] = self.parking
        if self.single_active_consumer:
            arguments["x-single-active-consumer"] = True
        return arguments | dict(self.arguments)

    def prefixed(self, prefix: str) -> "Queue":
        """The same queue with `prefix` before its own and its exchanges' names (AMQP's `amq.*` stay)."""
        bindings = tuple(
            b if b.exchange.startswith("amq.") else replace(b, exchange=prefix + b.exchange) for b in self.bindings
        )
        return replace(self, name=prefix + self.name, bindings=bindings)
