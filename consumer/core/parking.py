"""The copy of a message that goes to the parking queue: body untouched, its story in headers of ours.

May know: messages and outcomes. May not know: how it is published.
"""

import traceback
from dataclasses import replace

from consumer.core.delivery import Message, Outgoing, Properties
from consumer.core.outcome import Parked

REASON_BYTES = 1_000
TRACEBACK_BYTES = 4_000
LEFT_OUT_BYTES = 8_000
"""Bounds: a message's headers travel in one frame, 128 KiB by default (AMQP frame_max), ours beside the user's."""


SENDER_SELECTED = {"CC": "x-lastcall-cc", "BCC": "x-lastcall-bcc"}
"""RabbitMQ routes a message to the queues in these headers too (sender-selected distribution): the copy would
go back to where it came from, and fail there again, for ever."""


def bounded(text: str, limit: int) -> str:
    """The text, cut in the middle to at most `limit` bytes of UTF-8: both ends of an error tell something."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode()
    half = (limit - 5) // 2
    return raw[:half].decode("utf-8", "ignore") + " ... " + raw[-half:].decode("utf-8", "ignore")


def parked_copy(message: Message, parking_queue: str, outcome: Parked, parked_at: str) -> Outgoing:
    """What is published to the parking queue for this message; `parked_at` is ISO 8601."""
    properties = message.properties
    headers = {SENDER_SELECTED.get(name, name): value for name, value in properties.headers.items()}
    story = _story(message, outcome, parked_at)
    return Outgoing(
        message.body,
        routing_key=parking_queue,
        properties=replace(properties, headers=headers | story, expiration=None),
    )


def bare_copy(message: Message, parking_queue: str, outcome: Parked, parked_at: str, why: str) -> Outgoing:
    """The same without what may not fit or can't be encoded: the message's own headers and the traceback."""
    story = _story(message, outcome, parked_at)
    story.pop("x-lastcall-traceback", None)
    story["x-lastcall-headers-left-out"] = bounded(f"{why}; {dict(message.properties.headers)!r}", LEFT_OUT_BYTES)
    properties = Properties(message.message_id, story, message.properties.content_type)
    return Outgoing(message.body, routing_key=parking_queue, properties=properties)


def _story(message: Message, outcome: Parked, parked_at: str) -> dict[str, object]:
    story: dict[str, object] = {
        "x-lastcall-reason": bounded(outcome.reason, REASON_BYTES),
        "x-lastcall-queue": message.queue,
        "x-lastcall-exchange": message.exchange,
        "x-lastcall-routing-key": message.routing_key,
        "x-lastcall-attempt": message.attempt,
        "x-lastcall-parked-at": parked_at,
    }
    if outcome.error is not None:
        story["x-lastcall-exception"] = type(outcome.error).__qualname__
        story["x-lastcall-traceback"] = bounded(_traceback(outcome.error), TRACEBACK_BYTES)
    if message.properties.expiration is not None:
        story["x-lastcall-expiration"] = message.properties.expiration  # kept as a fact, not as a TTL: parked
    if message.defect is not None:
        story["x-lastcall-raw-properties"] = bytearray(message.defect.raw[:LEFT_OUT_BYTES])
    return story


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - an exception whose own __str__ fails
        return "".join(traceback.format_tb(error.__traceback__))
