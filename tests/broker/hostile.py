"""Hostile messages: bodies, properties and routing keys that somebody else's publisher might send.

May know: hypothesis, JSON. May not know: brokers, handlers. The same seed gives the same messages.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.broker.hostile_properties import Encoded, headers, other_properties

T = TypeVar("T")

MEBIBYTE = 1 << 20
POOL = 300
"""So many of each ingredient are generated; the messages are combinations of them."""
generating = settings(
    max_examples=POOL,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),  # slow or large examples are what is wanted
)
ROUTING_KEYS = ["", "orders", "#", "*.*", "\x00", "é" * 127, "k" * 255, " ", "\U0001f407"]


@dataclass(frozen=True, slots=True)
class Hostile:
    """One message."""

    body: bytes
    routing_key: str
    properties: Encoded


@cache
def hostile_messages(number: int, random_seed: int) -> tuple[Hostile, ...]:
    """So many, of which one has 16 MiB (the most that RabbitMQ 4 takes) and some have up to 1 MiB."""
    random = Random(random_seed)
    bodies = _generated(_bodies, random_seed)
    tables = _Mixture(_generated(headers, random_seed))
    others = _Mixture(_generated(other_properties, random_seed))
    large = iter([16 * MEBIBYTE, MEBIBYTE, MEBIBYTE - 1, 131_064, 131_065])

    def message() -> Hostile:
        parts = others.one(random) | (tables.one(random) if random.random() < 0.7 else {})
        size = next(large, None)
        body = random.choice(bodies) if size is None else random.choice([b"[", b'"', b" "]) * size
        return Hostile(body, random.choice(ROUTING_KEYS), Encoded(parts))

    return tuple(message() for _ in range(number))


class _Mixture:
    """Properties most of which can be decoded, so that what is behind the decoding gets its share."""

    def __init__(self, parts: list[dict[str, bytes]]) -> None:
        self._all = parts
        self._readable = [each for each in parts if Encoded(each).readable]

    def one(self, random: Random) -> dict[str, bytes]:
        return random.choice(self._readable if random.random() < 0.8 else self._all)


def _generated(strategy: st.SearchStrategy[T], random_seed: int) -> list[T]:
    found: list[T] = []

    @settings(generating)
    @seed(random_seed)
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found


def _awkward() -> Iterator[bytes]:
    """Bodies that have made trouble somewhere."""
    order = {"id": "1", "cents": 5, "lines": [{"sku": "a", "count": 1}]}
    text = json.dumps(order)
    yield from (b"", b" ", b"\x00", b"null", b"true", b"0", b'""', b"[]", b"{}", b"{", b'{"id":', text.encode()[:-1])
    yield from (text.encode(), text.encode("utf-16"), text.encode("utf-32"), b"\xef\xbb\xbf" + text.encode())
    yield from (gzip.compress(text.encode(), mtime=0), b"\x80\x04\x95pickle", b"<order/>", b"\xff\xfe\xfd")
    yield from (b"[" * 100_000, b'{"a":' * 50_000, b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000)
    yield from (
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5_000,
        b'{"cents": ' + b"9" * 5_000 + b', "id": "1"}',
        b"1.0e-999",
    )
    yield from (
        rb'"\ud800"',
        rb'{"\ud800": "\udfff"}',
        b'"\xed\xa0\x80"',
        b'{"id": "1", "id": 2}',
        b'{"__proto__": {}}',
    )
    yield json.dumps(order | {"id": 5, "cents": "a lot"}).encode()
    yield json.dumps(order | {"lines": [{}] * 10_000}).encode()
    yield json.dumps(order | {f"field {number}": None for number in range(5_000)}).encode()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=10), inner, max_size=6),
    max_leaves=15,
)
_lines = st.lists(st.fixed_dictionaries({"sku": st.text(max_size=5), "count": st.integers()}), max_size=3)
_orders = st.fixed_dictionaries(
    {"id": st.text(max_size=20) | _json, "cents": st.integers() | _json},
    optional={
        "lines": st.lists(st.fixed_dictionaries({"sku": st.text(max_size=5), "count": st.integers()}), max_size=3)
    },
)
_bodies = st.one_of(
    st.sampled_from(list(_awkward())),
    st.one_of(_json, _orders).map(lambda value: json.dumps(value).encode()),
    _orders.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.binary(max_size=2_000),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
