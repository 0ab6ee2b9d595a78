"""A delivery that comes in several frames, or in several reads, until it is whole.

May know: the layout of frames. May not know: streams, which consumers there are.
"""

from collections.abc import Callable
from typing import TypeAlias

from consumer.broker.amqp.frames import (
    BODY,
    BODY_SIZE,
    HEADER,
    TAG_AND_FLAG,
    BrokenStreamError,
    short_string,
    unpack,
)

Sink: TypeAlias = Callable[[int, bool, str, str, bytes, bytes], None]
"""(delivery tag, redelivered, exchange, routing key, content header payload, body)"""


class Assembly:
    """What has come of one delivery. `method`: the payload of its basic.deliver, behind the consumer tag."""

    __slots__ = ("_header", "_method", "_missing", "_parts", "_sink")

    def __init__(self, sink: Sink, method: bytes) -> None:
        self._sink = sink
        self._method = method
        self._header = b""
        self._missing = -1  # until the header has said how large the body is
        self._parts: list[bytes] = []

    def add(self, kind: int, payload: bytes) -> bool:
        """The next frame on its channel; whether it was the last. Raises BrokenStreamError when it is out of order."""
        if kind == HEADER and not self._header:
            self._header = payload
            self._missing = unpack(BODY_SIZE, payload, 4, len(payload))[0]
        elif kind == BODY and len(payload) <= self._missing:
            self._parts.append(payload)
            self._missing -= len(payload)
        else:
            raise BrokenStreamError("a content whose frames are out of order, or more than its header says")
        return self._missing == 0

    def hand_over(self) -> None:
        """Give it to its sink, whole. Raises BrokenStreamError when its method ends too early."""
        method, parts = self._method, self._parts
        tag, flag = unpack(TAG_AND_FLAG, method, 0, len(method))
        exchange, position = short_string(method, TAG_AND_FLAG.size)
        routing_key, _ = short_string(method, position)
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self._sink(tag, bool(flag & 1), exchange, routing_key, self._header, body)
