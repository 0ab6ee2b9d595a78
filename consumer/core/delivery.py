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


class Unread:
    """Properties that are left undecoded until somebody asks: all that work needs of most messages is in here."""

    __slots__ = ("headers", "message_id", "read")

    content_encoding = None
    """A message that has one is read at once."""

    def __init__(self, message_id: str | None, headers: Mapping[str, object], read: Callable[[], Properties]) -> None:
        self.message_id = message_id
        self.headers = headers
        self.read = read
        """Decodes them all; they are known to be readable."""


NO_PROPERTIES = Properties()


class Message:
    """What arrived: the body, untouched, and where it came from. One is made for each delivery, so it is small."""

    __slots__ = ("_given", "body", "defect", "exchange", "queue", "redelivered", "routing_key")

    def __init__(
        self,
        body: bytes,
        queue: str,
        exchange: str = "",
        routing_key: str = "",
        redelivered: bool = False,
        properties: Properties | Unread = NO_PROPERTIES,
        defect: Defect | None = None,
    ) -> None:
        self.body = body
        self.queue = queue
        self.exchange = exchange
        self.routing_key = routing_key
        self.redelivered = redelivered
        self._given = properties
        self.defect = defect

    @property
    def properties(self) -> Properties:
        """All its basic properties."""
        if isinstance(self._given, Unread):
            self._given = self._given.read()
        return self._given

    @property
    def message_id(self) -> str | None:
        """The publisher's name for the message, if it gave one."""
        return self._given.message_id

    @property
    def headers(self) -> Mapping[str, object]:
        """Its headers, those that are for us among them."""
        return self._given.headers

    @property
    def content_encoding(self) -> str | None:
        """How the body is compressed or encoded, if it is."""
        return self._given.content_encoding

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

    @property
    def identity(self) -> Identity | None:
        """What tells it from other messages when it comes back; None without a message id.

        A body and our copies' number belong to it: a publisher may use an id twice, and a copy of ours is another
        message than the one that was acked for it.
        """
        given = self._given
        if given.message_id is None:
            return None
        copies = self.copies if given.headers else 0
        return given.message_id, copies, len(self.body), hash(self.body[:IDENTIFYING_BYTES])

    @property
    def origin(self) -> tuple[str, str]:
        """The exchange and the routing key that it was first published with, copies of ours looked through."""
        exchange = self._given.headers.get(headers.EXCHANGE)
        routing_key = self._given.headers.get(headers.ROUTING_KEY)
        if self.copies and _is_name(exchange) and _is_name(routing_key):
            return str(exchange), str(routing_key)
        return self.exchange, self.routing_key

    def _number(self, header: str) -> int:
        """A count in a header; what is no count (anybody can write headers) is none."""
        given = self._given.headers
        if not given:
            return 0
        count = given.get(header)
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
