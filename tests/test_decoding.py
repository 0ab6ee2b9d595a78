"""What decoding promises: a body becomes what its handler takes, or a short reason that quotes little of it."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from consumer.core.delivery import Properties
from consumer.decoding import Decoder
from consumer.errors import ConfigurationError, Undecodable


class Order(BaseModel):
    id: str
    cents: int = 0


@dataclass
class OrderRecord:
    id: str


class OrderDict(TypedDict):
    id: str


class Strict(BaseModel):
    id: str

    @field_validator("id")
    @classmethod
    def known(cls, value: str) -> str:
        return {"a": "known"}[value]


class Nested(BaseModel):
    child: "Nested | None" = None


def decode(
    payload_type: Any, body: bytes, content_type: str | None = None, content_encoding: str | None = None
) -> object:
    return Decoder(payload_type)(body, Properties(content_type=content_type, content_encoding=content_encoding))


def test_a_type_that_json_can_not_be_made_into_is_refused():
    with pytest.raises(ConfigurationError, match="Gateway can't be a payload type"):
        Decoder(type("Gateway", (), {}))


@pytest.mark.parametrize(
    ("payload_type", "payload"),
    [
        (Order, Order(id="a")),
        (OrderRecord, OrderRecord("a")),
        (OrderDict, {"id": "a"}),
        (dict, {"id": "a"}),
        (dict[str, str], {"id": "a"}),
        (Any, {"id": "a"}),
        (str, '{"id": "a"}'),
        (bytes, b'{"id": "a"}'),
        (Annotated[dict[str, str], Field(min_length=1)], {"id": "a"}),
    ],
)
def test_a_body_becomes_what_the_handler_takes(payload_type, payload):
    assert decode(payload_type, b'{"id": "a"}', "application/json", "utf-8") == payload


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/octet-stream", "image/png"])
def test_json_is_tried_whatever_the_content_type_says(content_type):
    assert decode(Order, b'{"id": "a"}', content_type) == Order(id="a")


def test_an_undecodable_body_is_told_by_type_and_problem_without_its_contents():
    with pytest.raises(Undecodable) as caught:
        decode(Order, b'{"cents": "hunter2"}', "application/x-order")
    assert str(caught.value).startswith("body (application/x-order) is no Order: id: Field required; cents: ")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None  # pydantic's error echoes the input: it may not travel along


def test_the_reason_stays_short_however_long_the_body():
    body = b"[" + b",".join([b'{"%s": []}' % (b"k" * 500)] * 50) + b"]"
    with pytest.raises(Undecodable) as caught:
        decode(list[dict[str, int]], body, "x" * 500)
    assert len(str(caught.value)) < 350


@pytest.mark.parametrize("payload_type", [dict, Any, Nested])
@pytest.mark.parametrize("opening", [b"[", b'{"child":'])
def test_bottomless_json_is_undecodable_and_not_a_crash(payload_type, opening):
    with pytest.raises(Undecodable):
        decode(payload_type, opening * 100_000)


def test_text_that_is_not_utf8_is_undecodable():
    with pytest.raises(Undecodable, match="body is no str: not UTF-8 text at byte 2"):
        decode(str, b"ab\xff")


def test_a_validator_that_breaks_makes_the_message_undecodable():
    with pytest.raises(Undecodable, match="body is no Strict: KeyError: 'b'"):
        decode(Strict, b'{"id": "b"}')


def test_an_encoded_body_is_told_by_its_encoding_unless_the_handler_takes_bytes():
    with pytest.raises(Undecodable, match="'gzip'"):
        decode(Order, b"\x1f\x8b", None, "gzip")
    assert decode(bytes, b"\x1f\x8b", None, "gzip") == b"\x1f\x8b"
