"""The copy of a message that goes to the parking queue: body untouched, its story in headers of ours.

May know: messages and outcomes. May not know: how it is published.
"""

import traceback
from dataclasses import replace

from consumer.core.delivery import Message, Outgoing
from consumer.core.outcome import Parked

REASON_BYTES = 1_000
TRACEBACK_BYTES = 4_000
"""Bounds: a message's headers travel in one frame, 128 KiB by default (AMQP frame_max), ours beside the user's."""


def bounded(text: str, limit: int) -> str:
    """The text, cut in the middle to at most `limit` bytes of UTF-8: both ends of an error tell something."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode()
    half = (limit - 5) // 2
    return raw[:half].decode("utf-8", "ignore") + " ... " + raw[-half:].decode("utf-8", "ignore")


def parked_copy(message: Message, parking_queue: str, outcome: Parked, parked_at: str) -> Outgoing:
    """What is published to the parking queue for this message; `parked_at` is ISO 8601."""
    story: dict[str, object] = {
        "x-lastcall-reason": bounded(outcome.reason, REASON_BYTES),
        "x-lastcall-queue": message.queue,
        "x-lastcall-exchange": message.exchange,
        "x-lastcall-routing-key": message.routing_key,
        "x-lastcall-attempt": message.attempt,
        "x-lastcall-parked-at": parked_at,
    }
    if outcome.error is not None:
        lines = traceback.format_exception(outcome.error)
        story["x-lastcall-exception"] = type(outcome.error).__qualname__
        story["x-lastcall-traceback"] = bounded("".join(lines), TRACEBACK_BYTES)
    if message.properties.expiration is not None:
        story["x-lastcall-expiration"] = message.properties.expiration  # kept as a fact, not as a TTL: parked
    properties = replace(message.properties, headers={**message.properties.headers, **story}, expiration=None)
    return Outgoing(message.body, routing_key=parking_queue, properties=properties)
