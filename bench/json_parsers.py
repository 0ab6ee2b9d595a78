"""Which JSON parser is quickest for what a handler may annotate: `python -m bench.json_parsers` (a minute).

Beside what consumer/decoding.py uses (marked): orjson and msgspec where they are installed. A number says nothing of
what a parser makes of duplicate keys, large integers, NaN and broken text: that table comes last.

May know: the parsers. May not know: what is done with a payload.
"""

import json
import statistics
import timeit
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from bench.micro.test_pure_parts import Order, OrderDict, OrderRecord
from bench.micro.work import body_of

SIZES = (200, 2048, 65_536)
ROUNDS, SECONDS = 15, 0.01
Parse = Callable[[bytes], object]
ODD = {
    "duplicate keys": b'{"a": 1, "a": 2}',
    "2**64": b"[18446744073709551616]",
    "NaN": b"[NaN]",
    "a lone surrogate": b'["\\ud800"]',
    "invalid UTF-8": b'["\xff"]',
    "100 digits": b"[" + b"9" * 100 + b"]",
    "1e400": b"[1e400]",
    "a control character": b'["a\x01b"]',
    "a BOM": b"\xef\xbb\xbf[1]",
    "trailing text": b"[1] x",
    "-0": b"[-0]",
    "nested 500 deep": b"[" * 500 + b"]" * 500,
}


def parsers(kind: Any) -> Iterator[tuple[str, Parse]]:
    adapter = TypeAdapter(kind)
    untyped = kind in (dict, list, Any)
    yield "pydantic validate_json" + ("" if untyped else " (used)"), adapter.validate_json
    loads: dict[str, Parse] = {"pydantic_core.from_json" + (" (used)" if untyped else ""): from_json}
    loads["json"] = json.loads
    if (orjson := installed("orjson")) is not None:
        loads["orjson"] = orjson.loads
    if (msgspec := installed("msgspec")) is not None:
        if kind is not Order:
            yield "msgspec, typed", msgspec.json.Decoder(kind).decode
        loads["msgspec"] = msgspec.json.Decoder().decode
    for name, load in loads.items():
        yield (name, load) if untyped else (f"{name} + validate_python", validated(adapter, load))


def validated(adapter: TypeAdapter[Any], load: Parse) -> Parse:
    return lambda body: adapter.validate_python(load(body))


def installed(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def microseconds(parse: Parse, body: bytes) -> float:
    timer = timeit.Timer(lambda: parse(body))
    number = max(1, int(SECONDS / max(timer.timeit(3) / 3, 1e-7)))
    return statistics.median(timer.repeat(ROUNDS, number)) / number * 1e6


def made_of(parse: Parse, body: bytes) -> str:
    try:
        return repr(parse(body))[:24]
    except Exception as error:  # noqa: BLE001 - whatever a parser says is what is asked
        return type(error).__name__


def main() -> None:
    print("µs a body | " + " | ".join(f"{size} B" for size in SIZES) + "\n--- | " + " | ".join("--:" for _ in SIZES))
    for kind in (dict, Any, Order, OrderRecord, OrderDict):
        for name, parse in parsers(kind):
            figures = (f"{microseconds(parse, body_of(size)):.2f}" for size in SIZES)
            print(f"`{getattr(kind, '__name__', kind)}`: {name} | " + " | ".join(figures))
    named = dict(parsers(Any))
    print("\nbody | " + " | ".join(named) + "\n--- |" + " --- |" * len(named))
    for what, body in ODD.items():
        print(f"{what} | " + " | ".join(made_of(parse, body) for parse in named.values()))


if __name__ == "__main__":
    main()
