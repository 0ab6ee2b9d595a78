"""What must hold for any bytes at all: each look raises AssertionError where it does not.

May know: the cutter's and the skimmer's faces, the model. May not know: where the bytes come from.
"""

from collections.abc import Callable
from struct import unpack

from pamqp.header import ContentHeader

from consumer.broker.amqp.skim import skim
from tests.broker.streams import cut, split
from tests.fuzz.model import Model

Look = Callable[[bytes], None]
CONTENT = b"\x00\x3c\x00\x00" + bytes(8)
"""Class, weight and body size, before a message's properties."""


def at_the_cutter(data: bytes) -> None:
    """However the stream arrives, and however plainly it is read: the same deliveries, the same bytes passed on."""
    sizes, stream = arrival(data)
    whole, in_pieces, plain = cut([stream], undecoded), cut(split(stream, sizes), undecoded), Model().read(stream)
    assert in_pieces == whole
    assert (whole.delivered, whole.passed_on) == (plain.delivered, plain.passed_on)
    assert (whole.broken is None) == (plain.broken is None)


def at_the_properties(data: bytes) -> None:
    """What is left unread can be read, and says the same."""
    skimmed = skim(CONTENT + data)
    if skimmed is not None:
        content = ContentHeader()
        content.unmarshal(CONTENT + data)
        properties = content.properties
        assert skimmed == (properties.message_id, properties.headers or {})


LOOKS: dict[str, Look] = {"cutter": at_the_cutter, "properties": at_the_properties}


def arrival(data: bytes) -> tuple[list[int], bytes]:
    """The sizes of the pieces, and the stream: a count (0 to 7), so many sizes of two octets, and the rest."""
    count = data[0] % 8 if data else 0
    sizes, stream = data[1 : 1 + 2 * count], data[1 + 2 * count :]
    sizes = sizes[: len(sizes) // 2 * 2]
    return [1 + size % 9000 for size in unpack(f">{len(sizes) // 2}H", sizes)] or [1], stream


def arriving(stream: bytes, *sizes: int) -> bytes:
    """The input that `arrival` reads so."""
    return bytes([len(sizes)]) + b"".join((size - 1).to_bytes(2) for size in sizes) + stream


def undecoded(payload: bytes) -> object:
    return payload
