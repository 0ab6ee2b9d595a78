"""Between the library's frames and core's words.

May know: pamqp's frames, core's records. May not know: channels.
"""

import dataclasses
from collections.abc import Mapping
from typing import cast

from aiormq.abc import DeliveredMessage
from pamqp import commands as spec
from pamqp.common import FieldTable
from pamqp.header import ContentHeader

from consumer.core.delivery import Message, Outgoing, Properties

PERSISTENT = 2
"""delivery_mode of a message that survives a broker restart (AMQP 0-9-1, basic); aio-pika's default is 1."""

_COPIED = tuple(field.name for field in dataclasses.fields(Properties) if field.name not in {"headers", "type"})


def table(values: Mapping[str, object]) -> FieldTable:
    """An AMQP table. Values that AMQP cannot carry are refused by pamqp when the frame is made (TypeError)."""
    return cast("FieldTable", dict(values))


def message_from(delivered: DeliveredMessage, delivery: spec.Basic.Deliver, queue: str) -> Message:
    """The message as core knows it."""
    return Message(
        delivered.body,
        queue,
        delivery.exchange or "",
        delivery.routing_key or "",
        bool(delivery.redelivered),
        _properties(delivered.header.properties),
    )


def properties_in(header: bytes) -> Properties:
    """The properties in the payload of a content header frame."""
    content = ContentHeader()
    content.unmarshal(header)
    return _properties(content.properties)


def _properties(properties: spec.Basic.Properties) -> Properties:
    return Properties(
        properties.message_id,
        properties.headers or {},
        properties.content_type,
        properties.content_encoding,
        properties.correlation_id,
        properties.reply_to,
        properties.priority,
        properties.expiration,
        properties.timestamp,
        properties.message_type,
        properties.app_id,
    )


def properties_for(outgoing: Outgoing) -> spec.Basic.Properties:
    """The properties to publish with: always persistent."""
    properties = outgoing.properties
    return spec.Basic.Properties(
        delivery_mode=PERSISTENT,
        headers=table(properties.headers),
        message_type=properties.type,
        **{name: getattr(properties, name) for name in _COPIED},
    )
