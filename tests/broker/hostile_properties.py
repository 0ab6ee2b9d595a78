"""Hostile basic properties as they stand in a frame: all that RabbitMQ takes, and much that pamqp would not send.

May know: AMQP 0-9-1's encodings (4.2.5), hypothesis. May not know: bodies, brokers.

Left out, because RabbitMQ 3.10, 4.0 and 4.3 all refuse them (measured): doubles and floats that are no number or
infinite, field types of no meaning, tables that end too early, CC and BCC that are no arrays, a user_id of another
user, an expiration that is no number. Left out too: an expiration that passes during the test.
"""

import struct

from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.header import ContentHeader

from consumer.broker.amqp.convert import message_in

FLAGS = spec.Basic.Properties.flags
SIZES = {b"t": 1, b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"I": 4, b"i": 4, b"l": 8, b"L": 8, b"D": 5, b"T": 8}
"""Field types of a fixed size in bytes, of which any bytes will do."""
OUR_COUNTS = ["x-lastcall-attempt", "x-lastcall-copy", "x-delivery-count", "x-acquired-count"]
OUR_WORDS = ["x-lastcall-first-failed-at", "x-lastcall-reason", "x-lastcall-queue", "x-lastcall-exchange"]
OTHERS = ["x-death", "x-first-death-queue", "x-first-death-reason", "x-match", "x-delay", "traceparent", "baggage"]


class Encoded(spec.Basic.Properties):
    """Properties that are sent as they are given: each by its name, encoded."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        super().__init__()
        self._parts = parts

    def marshal(self) -> bytes:
        flags = sum(FLAGS[name] for name in self._parts)
        return struct.pack(">H", flags) + b"".join(self._parts[name] for name in self.__slots__ if name in self._parts)

    @property
    def readable(self) -> bool:
        """Whether pamqp can decode them."""
        return message_in(ContentHeader(properties=self).marshal(), b"", "orders").defect is None


def short(content: bytes) -> bytes:
    return bytes([len(content)]) + content


def long(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def nested(kind: bytes, depth: int) -> bytes:
    """A table in a table in a table, or the same with arrays."""
    value = b"V"
    for _ in range(depth):
        value = kind + long(short(b"k") + value if kind == b"F" else value)
    return value


def _scalar(kind: bytes) -> st.SearchStrategy[bytes]:
    size = SIZES[kind]
    extremes = st.sampled_from([b"\x00" * size, b"\xff" * size, b"\x7f" + b"\xff" * (size - 1)])
    return (extremes | st.binary(min_size=size, max_size=size)).map(lambda content: kind + content)


_real = st.floats(allow_nan=False, allow_infinity=False)
_single = st.floats(allow_nan=False, allow_infinity=False, width=32)
_texts = st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
_no_texts = st.binary(max_size=60)
_scalars = (
    st.sampled_from(sorted(SIZES)).flatmap(_scalar)
    | _real.map(lambda number: b"d" + struct.pack(">d", number))
    | _single.map(lambda number: b"f" + struct.pack(">f", number))
    | _texts.map(lambda content: b"S" + long(content))
    | _no_texts.map(lambda content: b"x" + long(content))
    | _no_texts.map(lambda content: b"S" + long(content))
    | st.just(b"V")
)
_keys = st.text(max_size=20).map(str.encode) | st.sampled_from([b"k" * 255, b"", b"\x00"])
_any_key = _keys | st.binary(max_size=30)


def _entries(keys: st.SearchStrategy[bytes], values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    pair = st.tuples(keys, values).map(lambda entry: short(entry[0]) + entry[1])
    return st.lists(pair, max_size=4).map(b"".join)


_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: b"A" + long(b"".join(items)))
        | _entries(_any_key, inner).map(lambda entries: b"F" + long(entries))
    ),
    max_leaves=6,
)
_deep = st.builds(nested, st.sampled_from([b"F", b"A"]), st.sampled_from([50, 100, 150, 200, 250, 300, 500, 8000]))
_large = st.sampled_from([b"S" + long(b"x" * size) for size in (60_000, 120_000)])
_routes = st.lists(_texts, max_size=3).map(lambda names: b"A" + long(b"".join(b"S" + long(name) for name in names)))


def _forged_origin(header: bytes) -> bytes:
    """As if it were a copy of ours, from an exchange or with a routing key that no frame has room for twice."""
    names = b"".join(short(name) + b"S" + long(b"") for name in (b"x-lastcall-exchange", b"x-lastcall-routing-key"))
    return short(b"x-lastcall-copy") + b"I\x00\x00\x00\x01" + names + short(header) + b"S" + long(b"x" * 130_700)


_forged = st.one_of(
    _entries(st.sampled_from(OUR_COUNTS + OUR_WORDS + OTHERS).map(str.encode), _values),
    _entries(st.sampled_from(OUR_COUNTS).map(str.encode), _scalars),
    _entries(st.sampled_from([b"CC", b"BCC"]), _routes),
    _entries(
        st.just(b"x-death"), st.builds(lambda table: b"A" + long(b"F" + long(table)), _entries(_any_key, _values))
    ),
)
headers = st.one_of(
    _entries(_any_key, _values),
    _forged,
    st.one_of(_deep, _large).map(lambda value: short(b"k") + value),
    st.just(b"".join(short(b"k%d" % number) + b"V" for number in range(3000))),
).map(lambda entries: {"headers": long(entries)})
"""The headers alone, encoded."""

_short_texts = st.text(max_size=50).map(str.encode) | st.sampled_from([b"", "é".encode() * 127, b"\xff\xfe", b"\x00"])
_kinds = [
    b"application/json",
    b"text/plain; charset=utf-16",
    b"application/x-python-pickle",
    b"image/png",
    b"\x00/\x00",
]
_encodings = [b"gzip", b"utf-16", b"UTF-8", b"identity", b"base64, gzip"]
_any_moment = st.sampled_from([0, 2**31, 2**32, 253402300800, 10**15, 10**18, 2**63 - 1, 2**63, 2**64 - 1])
_moments = (_any_moment | st.integers(0, 2**34)).map(lambda moment: struct.pack(">Q", moment))
other_properties = st.fixed_dictionaries(
    {},
    optional={
        "content_type": (st.sampled_from(_kinds) | _short_texts).map(short),
        "content_encoding": st.sampled_from(_encodings).map(short),
        "delivery_mode": st.sampled_from([b"\x01", b"\x02"]),
        "priority": st.binary(min_size=1, max_size=1),
        "correlation_id": _short_texts.map(short),
        "reply_to": _short_texts.map(short),
        "expiration": st.sampled_from([b"86400000", b"4294967295", b"0086400000"]).map(short),
        "message_id": (st.sampled_from([b"twin", b"twin", b"triplet"]) | _short_texts).map(short),
        "timestamp": _moments,
        "message_type": _short_texts.map(short),
        "app_id": _short_texts.map(short),
        "cluster_id": _short_texts.map(short),
    },
)
"""All properties but the headers, by name, encoded."""
