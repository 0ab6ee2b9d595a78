"""Each pure part by itself, for a hundred deliveries (but the decoding: for one body)."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel
from pytest_benchmark.fixture import BenchmarkFixture
from typing_extensions import TypedDict

from bench.micro.work import CHANNEL, LEASE, PREFETCHED, Work, body_of, deliveries, fed, header_of
from consumer.broker.amqp.convert import message_in
from consumer.broker.amqp.outlet import settlement
from consumer.core.delivery import Message
from consumer.core.ledger import Ledger
from consumer.core.watermark import Verb, coalesced
from consumer.decoding import Decoder

HEADERS = {"x-tenant": "acme", "x-attempt": 3, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
PIECE = 1000
MESSAGE = Message(b"{}", "orders")


class Line(BaseModel):
    sku: str
    count: int
    cents: int


class Order(BaseModel):
    id: str
    cents: int
    lines: list[Line]


@dataclass
class LineRecord:
    sku: str
    count: int
    cents: int


@dataclass
class OrderRecord:
    id: str
    cents: int
    lines: list[LineRecord]


class LineDict(TypedDict):
    sku: str
    count: int
    cents: int


class OrderDict(TypedDict):
    id: str
    cents: int
    lines: list[LineDict]


KINDS = [bytes, str, dict, dict[str, Any], Any, Order, OrderRecord, OrderDict]


def test_all_in_a_row(benchmark: BenchmarkFixture) -> None:
    work, data = Work(), deliveries()
    assert benchmark(work.turn, data) == settlement(CHANNEL, Verb.ACK, PREFETCHED, multiple=True)


@pytest.mark.parametrize("size", [0, 200, 65_536])
def test_cutting_whole_deliveries(benchmark: BenchmarkFixture, size: int) -> None:
    feed = fed([deliveries(size=size)])
    benchmark(feed)


def test_cutting_deliveries_that_come_in_pieces(benchmark: BenchmarkFixture) -> None:
    data = deliveries()
    benchmark(fed([data[start : start + PIECE] for start in range(0, len(data), PIECE)]))


@pytest.mark.parametrize("headers", [None, HEADERS], ids=["no headers", "three headers"])
def test_skimming_properties(benchmark: BenchmarkFixture, headers: dict[str, object] | None) -> None:
    header = header_of(headers)
    assert benchmark(messages_of, header).defect is None


def test_decoding_all_properties(benchmark: BenchmarkFixture) -> None:
    header = header_of(HEADERS)
    decoded = benchmark(lambda: [message_in(header, b"", "orders").properties for _ in range(PREFETCHED)])
    assert decoded[-1].headers == HEADERS


def test_ledger_from_receive_to_ack(benchmark: BenchmarkFixture) -> None:
    ledger = Ledger()

    def pass_through() -> None:
        entries = [ledger.receive(LEASE, tag, MESSAGE) for tag in range(PREFETCHED)]
        for entry in entries:
            ledger.start(entry)
        for entry in entries:
            ledger.ack(entry)

    benchmark(pass_through)
    assert ledger.lowest(LEASE) is None


@pytest.mark.parametrize("lowest_open", [None, 50], ids=["contiguous", "with a hole"])
def test_coalescing(benchmark: BenchmarkFixture, lowest_open: int | None) -> None:
    settled = {tag: Verb.ACK for tag in range(1, PREFETCHED + 1) if tag != lowest_open}
    assert benchmark(coalesced, settled, lowest_open)


def test_settlement_frames(benchmark: BenchmarkFixture) -> None:
    benchmark(lambda: [settlement(CHANNEL, Verb.ACK, tag, multiple=False) for tag in range(PREFETCHED)])


@pytest.mark.parametrize("size", [200, 2048, 65_536])
@pytest.mark.parametrize("kind", KINDS, ids=[getattr(kind, "__name__", str(kind)) for kind in KINDS])
def test_decoding_one_body(benchmark: BenchmarkFixture, kind: object, size: int) -> None:
    benchmark(Decoder(kind), body_of(size))


def messages_of(header: bytes) -> Message:
    """A hundred; the last of them."""
    for _ in range(PREFETCHED - 1):
        message_in(header, b"", "orders")
    return message_in(header, b"", "orders")
