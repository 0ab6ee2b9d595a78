"""The pure part of what is done with a delivery, from the bytes that arrive to the bytes of its ack.

May know: the cutter, the properties, the ledger, the watermark, the decoder. May not know: loops, tasks, timing.
"""

import json
from collections.abc import Callable, Mapping

from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from consumer.broker.amqp.convert import message_in, table
from consumer.broker.amqp.cutter import Cutter
from consumer.broker.amqp.outlet import settlement
from consumer.core.ledger import Entry, Ledger
from consumer.core.watermark import Verb, coalesced
from consumer.decoding import Decoder

TAG = "lastcall-0123456789abcdef0123456789abcdef"
PREFETCHED = 100
"""Deliveries in one read."""
LEASE, CHANNEL = 1, 1


def body_of(size: int) -> bytes:
    """An order as JSON, of just so many bytes; none for 0."""
    if not size:
        return b""
    lines = [
        {"sku": f"A-{number:05}", "count": number % 7, "cents": 100 * number} for number in range((size - 60) // 50)
    ]
    order = {"id": "", "cents": 4200, "lines": lines}
    return json.dumps(order | {"id": "17".rjust(size - len(json.dumps(order)), "0")}).encode()


def content_of(body: bytes, headers: Mapping[str, object] | None = None) -> ContentHeader:
    """Its header, with the properties that publishers mostly set."""
    properties = spec.Basic.Properties(
        content_type="application/json",
        delivery_mode=2,
        message_id="0123456789abcdef0123456789abcdef",
        headers=None if headers is None else table(headers),
    )
    return ContentHeader(body_size=len(body), properties=properties)


def deliveries(number: int = PREFETCHED, *, size: int = 200) -> bytes:
    """As RabbitMQ sends them, one behind the other."""
    body = body_of(size)
    content = marshal(content_of(body), CHANNEL) + (marshal(ContentBody(body), CHANNEL) if body else b"")
    methods = (spec.Basic.Deliver(TAG, tag, False, "", "orders") for tag in range(1, number + 1))
    return b"".join(marshal(method, CHANNEL) + content for method in methods)


def header_of(headers: Mapping[str, object] | None = None) -> bytes:
    """The payload of a content header's frame."""
    return content_of(b"", headers).marshal()


class Work:
    """What a worker does with one read, without its tasks."""

    def __init__(self, payload_type: object = dict) -> None:
        self._ledger = Ledger()
        self._decode = Decoder(payload_type)
        self._entries: list[Entry] = []
        self._cutter = Cutter()
        self._cutter.add(TAG, self._receive)

    def turn(self, data: bytes) -> bytes:
        """All that it holds is received, started, decoded and acked; the frames that go back."""
        self._cutter.feed(data)
        for entry in self._entries:
            self._ledger.start(entry)
            self._decode(entry.message.body, entry.message)
        settled = {entry.tag: Verb.ACK for entry in self._entries if self._ledger.ack(entry)}
        self._entries.clear()
        frames = coalesced(settled, self._ledger.lowest(LEASE))
        return b"".join(settlement(CHANNEL, f.verb, f.tag, multiple=f.multiple) for f in frames)

    def _receive(self, tag: int, redelivered: bool, exchange: str, key: str, header: bytes, body: bytes) -> None:
        message = message_in(header, body, "orders", exchange, key, redelivered)
        self._entries.append(self._ledger.receive(LEASE, tag, message))


def fed(pieces: list[bytes]) -> Callable[[], None]:
    """A cutter that is fed these, its sink as cheap as one can be."""
    cutter = Cutter()
    cutter.add(TAG, lambda *_: None)

    def feed() -> None:
        for piece in pieces:
            cutter.feed(piece)

    return feed
