"""A message as the broker handed it over, before anyone interprets its body.

May know: AMQP's words for a message. May not know: channels, handlers, how it will be settled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from consumer.core import headers

Identity: TypeAlias = tuple[str, int, int, int]
IDENTIFYING_BYTES = 1024
UNBELIEVABLE = 2**31
"""A count from here on is not ours: somebody else wrote the header."""


@dataclass(frozen=True, slots=True)
class Properties:
    """The basic properties of a message (AMQP 0-9-1, class basic), those that were set."""

    message_id: str | None = None
    headers: Mapping[str, object] = field(default_factory=dict)
    content_type: str | None = None
    content_encoding: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    priority: int | None = None
    expiration: str | None = None
    timestamp: datetime | None = None
    type: str | None = None
    app_id: str | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    """What could not be read of a message: it is set aside with its reason, and never worked."""

    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived: the body, untouched, and where it came from."""

    body: bytes
    queue: str
    exchange: str = ""
    routing_key: str = ""
    redelivered: bool = False
    properties: Properties = field(default_factory=Properties)
    defect: Defect | None = None

    @property
    def message_id(self) -> str | None:
        """The publisher's name for the message, if it gave one."""
        return self.properties.message_id

    @property
    def attempt(self) -> int:
        """Which start of a handler on this message this is, from 1, as our header says."""
        return max(1, self._number(headers.ATTEMPT))

    @property
    def copies(self) -> int:
        """How many times we have published a copy of it: its original, and each copy, are different messages."""
        return self._number(headers.COPY)

    @property
    def returns(self) -> int:
        """What a quorum queue has counted of it (`x-delivery-count`): returns up to 4.2, failures from 4.3 on."""
        return self._number(headers.RETURNS)

    @property
    def identity(self) -> Identity | None:
        """What tells it from other messages when it comes back; None without a message id.

        A body and our copies' number belong to it: a publisher may use an id twice, and a copy of ours is another
        message than the one that was acked for it.
        """
        if self.message_id is None:
            return None
        return self.message_id, self.copies, len(self.body), hash(self.body[:IDENTIFYING_BYTES])

    @property
    def origin(self) -> tuple[str, str]:
        """The exchange and the routing key that it was first published with, copies of ours looked through."""
        exchange = self.properties.headers.get(headers.EXCHANGE)
        routing_key = self.properties.headers.get(headers.ROUTING_KEY)
        if self.copies and _is_name(exchange) and _is_name(routing_key):
            return str(exchange), str(routing_key)
        return self.exchange, self.routing_key

    def _number(self, header: str) -> int:
        """A count in a header; what is no count (anybody can write headers) is none."""
        count = self.properties.headers.get(header)
        return count if isinstance(count, int) and 0 < count < UNBELIEVABLE else 0


def _is_name(value: object) -> bool:
    """Whether AMQP could have carried it as an exchange or a routing key: a short string (4.2.5.3)."""
    return isinstance(value, str) and len(value.encode()) <= 255


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published: always persistent, mandatory and confirmed."""

    body: bytes
    routing_key: str
    exchange: str = ""
    properties: Properties = field(default_factory=Properties)
