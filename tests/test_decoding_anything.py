"""Payloads that are any JSON take a shorter way, and come out as the long one would have them, errors and all."""

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from consumer.decoding import Decoder
from consumer.errors import Undecodable

ANYTHING = [dict, dict[str, Any], list, list[Any], Any]
every_kind = pytest.mark.parametrize("kind", ANYTHING, ids=str)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda value: st.lists(value) | st.dictionaries(st.text(), value),
    max_leaves=10,
)
bodies = (
    values.map(json.dumps).map(str.encode)
    | values.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | st.binary(max_size=30)
    | st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\ud8 \ud800', max_size=20).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
)


def made(kind: Any, body: bytes) -> str:
    """What comes of it, to the letter: the order of keys, -0.0, nan."""
    try:
        return repr(Decoder(kind)(body))
    except Undecodable as error:
        return str(error)


def expected(kind: Any, body: bytes) -> str:
    try:
        return repr(TypeAdapter(kind).validate_json(body))
    except ValidationError as error:
        name = kind.__name__ if isinstance(kind, type) else str(kind)
        return f"body is no {name}: {error.errors()[0]['msg']:.200}"


@every_kind
@given(body=bodies)
def test_any_body_is_what_pydantic_validates_it_to(kind: Any, body: bytes) -> None:
    assert made(kind, body) == expected(kind, body)


@every_kind
@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "b": 2, "a": 3}',
        b"[18446744073709551616, -18446744073709551616]",
        b"[" + b"9" * 100 + b"]",
        b"[" + b"9" * 5000 + b"]",
        b"[NaN, Infinity, -Infinity, 1e400, -0.0, -0]",
        b'["\\ud800"]',
        b'["\xed\xa0\x80"]',
        b'{"a": "\xff"}',
        b'["a\x01b"]',
        b"\xef\xbb\xbf[1]",
        b"[1] x",
        b"",
        b" ",
        b"null",
        b'"text"',
    ],
)
def test_an_odd_body_is_what_pydantic_validates_it_to(kind: Any, body: bytes) -> None:
    assert made(kind, body) == expected(kind, body)


def test_an_annotation_that_can_not_be_hashed_is_as_good_as_another() -> None:
    assert Decoder(Annotated[dict, {"not": "hashable"}])(b'{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("depth", [1, 100, *range(195, 206), 1000])
def test_json_is_as_deep_as_pydantic_lets_it_be(depth: int) -> None:
    body = b"[" * depth + b"]" * depth
    assert made(list, body) == expected(list, body)
