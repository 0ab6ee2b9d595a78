"""Between the library's frames and core's words.

May know: pamqp's frames, core's records. May not know: channels.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import cast

from aiormq.abc import DeliveredMessage
from pamqp import commands as spec
from pamqp.common import FieldTable
from pamqp.header import ContentHeader

from consumer.broker.amqp.skim import skim
from consumer.core.delivery import Defect, Message, Outgoing, Properties
from consumer.core.facts import Version

PERSISTENT = 2
"""delivery_mode of a message that survives a broker restart (AMQP 0-9-1, basic); aio-pika's default is 1."""

FRAME_OVERHEAD = 8
"""Bytes of a frame around its payload."""

_CAUTIOUS: Version = (4, 0)
"""Taken where the version can't be read: the one on which most is lost by returning messages."""

_COPIED = tuple(field.name for field in dataclasses.fields(Properties) if field.name not in {"headers", "type"})


def table(values: Mapping[str, object]) -> FieldTable:
    """An AMQP table. Values that AMQP cannot carry are refused by pamqp when the frame is made (TypeError)."""
    return cast("FieldTable", {name: _sendable(value) for name, value in values.items()})


def _sendable(value: object) -> object:
    """Pamqp gives text that is no UTF-8 as bytes, and sends bytes only as a bytearray."""
    match value:
        case bytes():
            return bytearray(value)
        case Mapping():
            return {name: _sendable(each) for name, each in value.items()}
        case list():
            return [_sendable(each) for each in value]
    return value


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


def message_in(
    header: bytes, body: bytes, queue: str, exchange: str = "", routing_key: str = "", redelivered: bool = False
) -> Message:
    """The message with these properties, the payload of a content header frame, and with what can't be read of them.

    One message's trouble must not become its connection's: it would come back after each reconnect.
    """
    skimmed = skim(header)
    if skimmed is None:
        return Message(body, queue, exchange, routing_key, redelivered, *_decoded(header))
    message_id, headers = skimmed
    return Message.unread(
        body, queue, exchange, routing_key, redelivered, message_id, headers, lambda: _decoded(header)[0]
    )


def _decoded(header: bytes) -> tuple[Properties, Defect | None]:
    content, defect = ContentHeader(), None
    try:
        content.unmarshal(header)
    except Exception as error:  # noqa: BLE001 - whatever pamqp makes of hostile bytes
        defect = Defect(f"its properties can't be decoded: {type(error).__name__}: {error}", header)
    return _properties(content.properties), defect


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


def properties_for(outgoing: Outgoing, largest: int) -> spec.Basic.Properties:
    """The properties to publish with: always persistent.

    Raises ValueError when they can't be sent in one frame of at most `largest` bytes (frame_max), as they must.
    """
    try:
        properties = _properties_for(outgoing)
        size = len(ContentHeader(properties=properties).marshal())
    except Exception as error:  # tables that are nested too deep (RecursionError), and whatever pamqp can't encode
        raise ValueError(f"a header can't be encoded: {type(error).__name__}: {error}") from error
    if largest and size > largest - FRAME_OVERHEAD:
        raise ValueError(f"the headers take {size} bytes, and a frame at most {largest}")
    return properties


def _properties_for(outgoing: Outgoing) -> spec.Basic.Properties:
    properties = outgoing.properties
    return spec.Basic.Properties(
        delivery_mode=PERSISTENT,
        headers=table(properties.headers),
        message_type=properties.type,
        **{name: getattr(properties, name) for name in _COPIED},
    )


def version_in(server_properties: Mapping[str, object]) -> Version:
    """RabbitMQ's version, from what it says of itself in connection.start."""
    found = re.match(r"(\d+)\.(\d+)", str(server_properties.get("version")))
    return (int(found[1]), int(found[2])) if found else _CAUTIOUS
