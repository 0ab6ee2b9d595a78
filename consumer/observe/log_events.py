"""Events as log records: message by message at debug, the worker's life at info, what needs eyes at warning.

May know: events, stdlib logging. May not know: how logs are rendered (`logs.py`), message bodies.
"""

import logging
from collections.abc import Mapping

from consumer.core.events import Event

_logger = logging.getLogger("lastcall")

_LEVELS: Mapping[str, int] = {
    "received": logging.DEBUG,
    "started": logging.DEBUG,
    "finished": logging.DEBUG,
    "settled": logging.DEBUG,
    "requeued": logging.DEBUG,
    "connected": logging.INFO,
    "consuming": logging.INFO,
    "quieted": logging.INFO,
    "resumed": logging.INFO,
    "drain_started": logging.INFO,
    "drain_finished": logging.INFO,
}
"""The events that are business as usual; any other is a warning."""


class LogLine:
    """A log message made of a name and keys: readable text by itself, and structure where logs are JSON."""

    __slots__ = ("keys", "name")

    def __init__(self, name: str, keys: Mapping[str, object]) -> None:
        self.name = name
        self.keys = keys

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value!r}" for key, value in self.keys.items())])


def log_event(event: Event) -> None:
    """Log an event under its own name, with its queue, message id and data as keys."""
    level = _level(event)
    if _logger.isEnabledFor(level):
        about = {"queue": event.queue, "message_id": event.message_id}
        keys = {key: value for key, value in about.items() if value is not None}
        _logger.log(level, LogLine(event.name, {**keys, **event.data}))


class EventLog:
    """Logs every event that it is told of; the routine ones are only made while they would be logged."""

    def __init__(self) -> None:
        self.wants_routine = _logger.isEnabledFor(logging.DEBUG)

    def __call__(self, event: Event) -> None:
        """See log_event."""
        log_event(event)


def is_business_as_usual(event: Event) -> bool:
    """Whether nobody needs to look at it."""
    return _level(event) < logging.WARNING


def _level(event: Event) -> int:
    if event.data.get("orphans") or event.data.get("reason") == "orphan":
        return logging.WARNING
    return _LEVELS.get(event.name, logging.WARNING)
