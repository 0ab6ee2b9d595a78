"""What the drill publishes: payloads that the worker's handlers take, the same for the same seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from consumer.core.queue import Queue
from consumer.decoding import Decoder
from consumer.errors import ConfigurationError
from consumer.testing.drill.payloads import DrillMessage, drill_messages


class Order(BaseModel):
    id: str
    cents: int = Field(ge=1, alias="amount")


@dataclass
class Receipt:
    order_id: str
    copies: int


class Row(TypedDict):
    number: int


class Unmakeable:
    def __init__(self, secret: object) -> None:
        self.secret = secret


@dataclass(frozen=True)
class FakeHandler:
    queue: Queue
    payload_type: Any
    name: str = "charge"


def messages(*types: Any, count: int = 6, seed: int = 1, payload_file: Path | None = None) -> tuple[DrillMessage, ...]:
    handlers = [FakeHandler(Queue(f"q{n}"), kind) for n, kind in enumerate(types)]
    return drill_messages(handlers, count=count, seed=seed, payload_file=payload_file)


@pytest.mark.parametrize("kind", [Order, Receipt, Row, dict, dict[str, Any], dict[str, int], list[Order], str, bytes])
def test_what_is_published_is_what_the_handler_takes(kind: Any) -> None:
    bodies = [message.body for message in messages(kind)]

    assert all(Decoder(kind)(body) is not None for body in bodies)
    assert len(set(bodies)) > 1


@pytest.mark.parametrize("kind", [Order, dict, str])
def test_the_same_seed_gives_the_same_payloads(kind: Any) -> None:
    assert messages(kind, seed=3) == messages(kind, seed=3)
    assert messages(kind, seed=3) != messages(kind, seed=4)


def test_the_handlers_are_served_in_turn_and_the_ids_name_the_seed() -> None:
    told = messages(dict, str, count=4, seed=7)

    assert [message.queue for message in told] == ["q0", "q1", "q0", "q1"]
    assert [message.id for message in told] == ["drill-7-0", "drill-7-1", "drill-7-2", "drill-7-3"]


def test_a_payload_file_is_used_in_turn_by_each_handler_for_the_lines_that_it_takes(tmp_path: Path) -> None:
    file = tmp_path / "payloads.jsonl"
    file.write_text('{"id": "a", "amount": 1}\n\n{"order_id": "b", "copies": 2}\n{"id": "c", "amount": 3}\n')

    bodies = [message.body for message in messages(Order, Receipt, count=6, payload_file=file)]

    assert bodies[0::2] == [b'{"id": "a", "amount": 1}', b'{"id": "c", "amount": 3}', b'{"id": "a", "amount": 1}']
    assert bodies[1::2] == [b'{"order_id": "b", "copies": 2}'] * 3


def test_a_payload_file_without_a_line_for_a_handler_is_refused_with_the_handlers_name(tmp_path: Path) -> None:
    file = tmp_path / "payloads.jsonl"
    file.write_text('{"nothing": "that fits"}\n')

    with pytest.raises(ConfigurationError, match=r"payloads\.jsonl.*'charge'.*Order"):
        messages(Order, payload_file=file)


def test_a_payload_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.jsonl: No such file"):
        messages(Order, payload_file=tmp_path / "gone.jsonl")


def test_a_type_that_no_payload_can_be_made_for_asks_for_a_payload_file() -> None:
    with pytest.raises(ConfigurationError, match=r"'charge'.*Unmakeable.*--payload"):
        messages(Unmakeable)


def test_a_worker_without_handlers_has_nothing_to_drill() -> None:
    with pytest.raises(ConfigurationError, match="no handler"):
        messages()
