"""Which queue a message waits in until it is due, and with which arguments that queue is declared.

May know: RabbitMQ's queue arguments. May not know: connections, why a message waits.

A message waits in one of the level queues beside its own, `orders.retry.1s`, `.2s`, `.4s` and so on, and carries its
exact delay as its own expiration. A queue expires messages only at its head: one that is due waits for those before
it, in its level at most twice as long as it asked for. See docs/adr/0009.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from consumer.core.delivery import Outgoing
from consumer.core.queue import UNREACHABLE_DELIVERY_LIMIT, delay_prefix
from consumer.errors import LONGEST_RETRY, PublishFailed

DEATHS = "x-death"
"""Before 4.0 RabbitMQ believes a publisher's x-death: a message that has died in its own queue before (expired there,
say) would be dropped as a cycle on its way back (measured on 3.10.8). From 4.0 on the header is written anew."""
DEATHS_BEFORE = "x-lastcall-death-before"
"""The name that the history has on a delayed message, the one that it came with at first."""


@dataclass(frozen=True, slots=True)
class Delay:
    """A level queue and how long one message stays in it.

    Raises PublishFailed (permanent) when no level is that long, or its name would be too long for AMQP.
    """

    queue: str
    seconds: float

    def __post_init__(self) -> None:
        """Refuse what no level queue can keep."""
        if not 0 <= self.seconds <= LONGEST_RETRY:
            raise PublishFailed(
                f"a message for queue {self.queue!r} can't be delayed by {self.seconds!r} s: "
                f"it takes 0 to {LONGEST_RETRY}, about 24 days.",
                permanent=True,
            )
        if len(self.name.encode()) > 255:
            raise PublishFailed(
                f"a message for queue {self.queue!r} can't be delayed: the name of the queue {self.name!r} would have "
                "more than 255 bytes. Give the queue a name of at most 240 bytes.",
                permanent=True,
            )

    @property
    def level(self) -> int:
        """The longest that a message stays in the level queue, in seconds: a power of two."""
        return 1 if self.seconds <= 1 else 2 ** math.ceil(math.log2(self.seconds))

    @property
    def name(self) -> str:
        """The level queue."""
        return f"{delay_prefix(self.queue)}{self.level}s"

    @property
    def declaration(self) -> Mapping[str, object]:
        """The arguments of the level queue: what expires goes to the queue proper, and stays until that has it."""
        return {
            "x-queue-type": "quorum",
            "x-message-ttl": self.level * 1000,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.queue,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",  # at-least-once needs it
            "x-delivery-limit": UNREACHABLE_DELIVERY_LIMIT,
        }

    def delayed(self, outgoing: Outgoing) -> Outgoing:
        """The message as it is published to the level queue."""
        headers = dict(outgoing.properties.headers)
        if DEATHS in headers:
            headers.setdefault(DEATHS_BEFORE, headers.pop(DEATHS))
        expiration = str(math.ceil(self.seconds * 1000))
        properties = replace(outgoing.properties, headers=headers, expiration=expiration)
        return replace(outgoing, routing_key=self.name, properties=properties)


def delay_of(outgoing: Outgoing, seconds: float) -> Delay:
    """How this message is delayed. Raises PublishFailed (permanent) when it can't be."""
    if outgoing.exchange:
        raise PublishFailed(
            f"a message for exchange {outgoing.exchange!r} can't be delayed: delays lead to a queue. "
            "Name the queue as the routing key, with the default exchange.",
            permanent=True,
        )
    return Delay(outgoing.routing_key, seconds)
