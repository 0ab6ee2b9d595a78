"""What a user publishes, made into a message of ours: named, and carrying on the trace that it belongs to.

May know: core's messages. May not know: who publishes, how.
"""

from collections.abc import Mapping
from uuid import uuid4

from consumer.core.delivery import Message, Outgoing, Properties

TRACE_HEADERS = ("traceparent", "tracestate", "baggage")
"""W3C Trace Context and W3C Baggage, as headers of a message."""


def outgoing(
    body: bytes,
    *,
    routing_key: str,
    exchange: str,
    message_id: str | None,
    headers: Mapping[str, object] | None,
    content_type: str,
    correlation_id: str | None,
    cause: Message | None = None,
) -> Outgoing:
    """The message to publish; `cause` is the one whose handler publishes it: trace and correlation come from there.

    Without a message id it gets one: by its id a redelivery is known again.
    """
    carried: dict[str, object] = {}
    if cause is not None:
        given = cause.properties.headers
        carried = {name: given[name] for name in TRACE_HEADERS if name in given}
        correlation_id = correlation_id or cause.properties.correlation_id or cause.message_id
    properties = Properties(
        message_id=message_id or uuid4().hex,
        headers={**carried, **(headers or {})},
        content_type=content_type,
        correlation_id=correlation_id,
    )
    return Outgoing(body, routing_key, exchange, properties)
