"""A parked message read again: its story as data, which ones a person wants, and the copy that goes back to work.

May know: messages, our headers, what RabbitMQ writes when it dead-letters. May not know: how they are fetched.
Headers can be written by anybody: whatever stands in one, reading it never fails.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from consumer.core import headers
from consumer.core.copies import carried
from consumer.core.delivery import Message, Outgoing

REPLAYS = "x-lastcall-replays"
"""How many times a person has sent the message back to work out of a parking queue."""

_OURS = "x-lastcall-"
_KEPT = frozenset(
    {headers.EXCHANGE, headers.ROUTING_KEY, headers.EXPIRATION, headers.COPY, *headers.SENDER_SELECTED.values()}
)
"""The headers of ours that are no story of the parking: whence the message came, and which copy of it this is."""


@dataclass(frozen=True, slots=True)
class ParkedStory:
    """Why and when a message was parked, as its headers tell it.

    Attributes:
        reason: why; of a message that RabbitMQ itself dead-lettered here (delivery limit, time to live): that.
        attempts: how many times its handler was started since it was published, or last replayed.
        size: bytes of the body.
        queue: the work queue that it came from; None: no header tells.
        exchange: what it was first published to, with `routing_key`.
        replays: how many times it was replayed before.
        incomplete: what was lost when it was parked (headers that did not fit, unreadable properties).
    """

    message_id: str | None
    reason: str
    exception: str | None
    attempts: int
    first_failed_at: datetime | None
    parked_at: datetime | None
    size: int
    queue: str | None
    exchange: str
    routing_key: str
    replays: int
    incomplete: str | None
    traceback: str | None

    def as_data(self) -> dict[str, object]:
        """The story for JSON: times in ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which parked messages are meant; by default all. Times are aware.

    Attributes:
        ids: one of these message ids.
        reason: a part of the reason, in either case.
        exception: the exception's name, whole or without what its class is nested in, in either case.
        since: parked at this time or later; `until`: before this time.
        min_attempts: started at least so often.
    """

    ids: frozenset[str] = frozenset()
    reason: str = ""
    exception: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_attempts: int = 0

    def matches(self, story: ParkedStory) -> bool:
        """Whether this message is one of them; one without a time of its parking is in no time span."""
        return (
            (not self.ids or story.message_id in self.ids)
            and self.reason.casefold() in story.reason.casefold()
            and (self.exception is None or _is_named(story.exception, self.exception))
            and (self.since is None or (story.parked_at is not None and story.parked_at >= self.since))
            and (self.until is None or (story.parked_at is not None and story.parked_at < self.until))
            and story.attempts >= self.min_attempts
        )


def story_of(message: Message) -> ParkedStory:
    """What the headers of a message in a parking queue tell."""
    given = message.properties.headers
    death = {} if headers.REASON in given else _last_death(given)
    parked_at = _time(given.get(headers.PARKED_AT)) or _time(death.get("time"))
    exchange, routing_key = _origin(message, death)
    return ParkedStory(
        message_id=_text(message.message_id),
        reason=_reason(given, death),
        exception=_text(given.get(headers.EXCEPTION)),
        attempts=message.attempt,
        first_failed_at=_time(given.get(headers.FIRST_FAILED_AT)) or (None if death else parked_at),
        parked_at=parked_at,
        size=len(message.body),
        queue=_text(given.get(headers.QUEUE)) or _text(death.get("queue")),
        exchange=exchange,
        routing_key=routing_key,
        replays=_count(given.get(REPLAYS)),
        incomplete=_incomplete(message),
        traceback=_text(given.get(headers.TRACEBACK)),
    )


def replayed(message: Message, to: str) -> Outgoing:
    """The copy that goes back to work in the queue `to`: without its story, its attempts counted from 1 again.

    The body and all other properties stay. A time to live (`x-lastcall-expiration`) stays a note: it ran from the
    message's first publish, and would make the copy vanish from the work queue.
    """
    kept = {
        name: value
        for name, value in carried(message.replaced(queue=to)).items()
        if name in _KEPT or not name.startswith(_OURS)
    }
    story = story_of(message)
    origin = {headers.EXCHANGE: story.exchange, headers.ROUTING_KEY: story.routing_key}
    properties = replace(message.properties, headers={**kept, **origin, REPLAYS: story.replays + 1}, expiration=None)
    return Outgoing(message.body, routing_key=to, properties=properties)


def _is_named(exception: str | None, name: str) -> bool:
    told = (exception or "").casefold()
    return name.casefold() in {told, told.rpartition(".")[2]}


def _reason(given: Mapping[str, object], death: Mapping[str, object]) -> str:
    ours = _text(given.get(headers.REASON))
    if ours is not None:
        return ours
    return f"dead-lettered by RabbitMQ: {_text(death.get('reason'))}" if death else "no header tells why"


def _incomplete(message: Message) -> str | None:
    given = message.properties.headers
    if message.defect is not None:
        return message.defect.reason
    if headers.RAW_PROPERTIES in given:
        return "its properties could not be decoded"
    return _text(given.get(headers.HEADERS_LEFT_OUT))


def _origin(message: Message, death: Mapping[str, object]) -> tuple[str, str]:
    keys = death.get("routing-keys")
    if message.copies or not isinstance(keys, list) or not keys:
        return message.origin
    return _text(death.get("exchange")) or "", _text(keys[0]) or ""


def _last_death(given: Mapping[str, object]) -> Mapping[str, object]:
    """RabbitMQ writes the latest dead-lettering first."""
    deaths = given.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    return last if isinstance(last, Mapping) else {}


def _text(value: object) -> str | None:
    """Text in a header; text that is no UTF-8 arrives as bytes."""
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 2**31 else 0


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return None
