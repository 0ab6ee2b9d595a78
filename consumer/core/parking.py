"""The copy of a message that goes to the parking queue: body untouched, its story in headers of ours.

May know: messages and outcomes. May not know: how it is published.
"""

import traceback
from dataclasses import replace

from consumer.core import headers
from consumer.core.copies import carried
from consumer.core.delivery import Message, Outgoing, Properties
from consumer.core.outcome import Parked

REASON_BYTES = 1_000
TRACEBACK_BYTES = 4_000
LEFT_OUT_BYTES = 8_000
"""Bounds: a message's headers travel in one frame, 128 KiB by default (AMQP frame_max), ours beside the user's."""


def bounded(text: str, limit: int) -> str:
    """The text, cut in the middle to at most `limit` bytes of UTF-8: both ends of an error tell something."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode()
    half = (limit - 5) // 2
    return raw[:half].decode("utf-8", "ignore") + " ... " + raw[-half:].decode("utf-8", "ignore")


def parked_copy(message: Message, parking_queue: str, outcome: Parked, attempt: int, parked_at: str) -> Outgoing:
    """What is published to the parking queue for this message after so many attempts; `parked_at` is ISO 8601."""
    story = carried(message) | _story(message, outcome, attempt, parked_at)
    properties = replace(message.properties, headers=story, expiration=None)
    return Outgoing(message.body, routing_key=parking_queue, properties=properties)


def bare_copy(
    message: Message, parking_queue: str, outcome: Parked, attempt: int, parked_at: str, why: str
) -> Outgoing:
    """The same without what may not fit or can't be encoded: the message's own headers and the traceback."""
    story = _story(message, outcome, attempt, parked_at) | {headers.COPY: message.copies + 1}
    story[headers.EXCHANGE], story[headers.ROUTING_KEY] = message.origin
    story.pop(headers.TRACEBACK, None)
    story[headers.HEADERS_LEFT_OUT] = bounded(f"{why}; {dict(message.properties.headers)!r}", LEFT_OUT_BYTES)
    properties = Properties(message.message_id, story, message.properties.content_type)
    return Outgoing(message.body, routing_key=parking_queue, properties=properties)


def _story(message: Message, outcome: Parked, attempt: int, parked_at: str) -> dict[str, object]:
    story: dict[str, object] = {
        headers.REASON: bounded(outcome.reason, REASON_BYTES),
        headers.QUEUE: message.queue,
        headers.ATTEMPT: attempt,
        headers.PARKED_AT: parked_at,
    }
    if outcome.error is not None:
        story[headers.EXCEPTION] = type(outcome.error).__qualname__
        story[headers.TRACEBACK] = bounded(_traceback(outcome.error), TRACEBACK_BYTES)
    if message.defect is not None:
        story[headers.RAW_PROPERTIES] = bytearray(message.defect.raw[:LEFT_OUT_BYTES])
    return story


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - an exception whose own __str__ fails
        return "".join(traceback.format_tb(error.__traceback__))
