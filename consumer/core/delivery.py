"""A message as the broker handed it over, before anyone interprets its body.

May know: AMQP's words for a message. May not know: channels, handlers, how it will be settled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

ATTEMPT_HEADER = "x-lastcall-attempt"
"""How often a handler has been started on this message, counted by us: the broker's own delivery count
means something else on every version (RabbitMQ 4.0 to 4.2 count returns, 4.3 counts failures)."""


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
        """Which start of a handler on this message this is, from 1."""
        count = self.properties.headers.get(ATTEMPT_HEADER, 1)
        return count if isinstance(count, int) and count > 0 else 1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published: always persistent, mandatory and confirmed."""

    body: bytes
    routing_key: str
    exchange: str = ""
    properties: Properties = field(default_factory=Properties)
