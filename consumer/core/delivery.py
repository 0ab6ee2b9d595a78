"""A message as the broker handed it over, before anyone interprets its body.

May know: AMQP's words for a message. May not know: channels, handlers, how it will be settled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

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


class Defect(NamedTuple):
    """What could not be read of a message: it is set aside with its reason, and never worked."""

    reason: str
    raw: bytes


NO_PROPERTIES = Properties()


class Message:
    """What arrived: the body, untouched, and where it came from. One is made for each delivery, so it is small.

    `message_id`: the publisher's name for it, if it gave one. `content_encoding`: how the body is compressed or
    encoded, if it is. `headers`: all, those that are for us among them. `properties` has the rest.
    """

    __slots__ = (
        *("_properties", "body", "content_encoding", "defect", "exchange", "headers", "message_id", "queue"),
        *("redelivered", "routing_key"),
    )

    def __init__(
        self,
        body: bytes,
        queue: str,
        exchange: str = "",
        routing_key: str = "",
        redelivered: bool = False,
        properties: Properties = NO_PROPERTIES,
        defect: Defect | None = None,
    ) -> None:
        self.body = body
        self.queue = queue
        self.exchange = exchange
        self.routing_key = routing_key
        self.redelivered = redelivered
        self.message_id = properties.message_id
        self.headers = properties.headers
        self.content_encoding = properties.content_encoding
        self._properties: Properties | Callable[[], Properties] = properties
        self.defect = defect

    @classmethod
    def unread(
        cls,
        body: bytes,
        queue: str,
        exchange: str,
        routing_key: str,
        redelivered: bool,
        message_id: str | None,
        headers: Mapping[str, object],
        read: Callable[[], Properties],
    ) -> "Message":
        """One whose properties are decoded when somebody asks for the rest. They are known to be readable.

        It has no content encoding.
        """
        self = cls.__new__(cls)
        self.body = body
        self.queue = queue
        self.exchange = exchange
        self.routing_key = routing_key
        self.redelivered = redelivered
        self.message_id = message_id
        self.headers = headers
        self.content_encoding = None
        self._properties = read
        self.defect = None
        return self

    @property
    def properties(self) -> Properties:
        """All its basic properties."""
        if not isinstance(self._properties, Properties):
            self._properties = self._properties()
        return self._properties

    @property
    def content_type(self) -> str | None:
        """What the body is, as its publisher says."""
        return self.properties.content_type

    def replaced(self, **changes: Any) -> "Message":
        """The same but for these of its fields."""
        names = ("body", "queue", "exchange", "routing_key", "redelivered", "properties", "defect")
        return Message(**{name: getattr(self, name) for name in names} | changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._all() == other._all()

    __hash__ = None  # type: ignore[assignment]  # as in any record that can be compared and has a mapping in it

    def __repr__(self) -> str:
        return f"Message{self._all()!r}"

    def _all(self) -> tuple[object, ...]:
        where = (self.queue, self.exchange, self.routing_key, self.redelivered)
        return (self.body, *where, self.properties, self.defect)

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

    def identity(self) -> Identity | None:
        """What tells it from other messages when it comes back; None without a message id.

        A body and our copies' number belong to it: a publisher may use an id twice, and a copy of ours is another
        message than the one that was acked for it.
        """
        if self.message_id is None:
            return None
        copies = self.copies if self.headers else 0
        return self.message_id, copies, len(self.body), hash(self.body[:IDENTIFYING_BYTES])

    @property
    def origin(self) -> tuple[str, str]:
        """The exchange and the routing key that it was first published with, copies of ours looked through."""
        exchange = self.headers.get(headers.EXCHANGE)
        routing_key = self.headers.get(headers.ROUTING_KEY)
        if self.copies and _is_name(exchange) and _is_name(routing_key):
            return str(exchange), str(routing_key)
        return self.exchange, self.routing_key

    def _number(self, header: str) -> int:
        """A count in a header; what is no count (anybody can write headers) is none."""
        if not self.headers:
            return 0
        count = self.headers.get(header)
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
