"""Messages of every kind: all basic properties, every type that a header table can be sent with, bodies of any size.

May know: pamqp. May not know: lanes. Seeded, so that a message that makes trouble can be had again.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from pamqp import commands as spec

from consumer.broker.amqp.convert import table

KIBIBYTE = 1024
BODY_SIZES = [0, 0, 1, 200, 1000, 4 * KIBIBYTE]
LARGE_BODY_SIZES = [131_064, 131_065, 2 * 131_064, 300 * KIBIBYTE]
"""Bytes: a whole frame of RabbitMQ's default size and a byte more, two whole frames, three."""


def messages(number: int, seed: int) -> list[tuple[bytes, spec.Basic.Properties]]:
    random = Random(seed)
    return [(_body(random, index), _properties(random, index)) for index in range(number)]


def _body(random: Random, index: int) -> bytes:
    return random.randbytes(random.choice(BODY_SIZES if index % 50 else LARGE_BODY_SIZES))


def _properties(random: Random, index: int) -> spec.Basic.Properties:
    def maybe(value: str) -> str | None:
        return random.choice([None, value])

    return spec.Basic.Properties(
        content_type=maybe("application/json"),
        content_encoding=maybe("gzip"),
        headers=table(_table(random, depth=2)) if random.random() < 0.7 else None,
        delivery_mode=random.choice([None, 1, 2]),
        priority=random.choice([None, 0, 9]),
        correlation_id=maybe("c" * random.randrange(1, 256)),
        reply_to=maybe("réponse"),
        expiration=maybe("3600000"),
        message_id=maybe(f"m-{index}"),
        timestamp=random.choice([None, _moment(random)]),
        message_type=maybe("order.created"),
        app_id=maybe("\U0001f407"),
    )


def _table(random: Random, depth: int) -> dict[str, object]:
    return {f"x-{random.randrange(100)}": _value(random, depth) for _ in range(random.randrange(8))}


def _value(random: Random, depth: int) -> object:
    kinds: list[Callable[[], object]] = [
        lambda: None,
        lambda: random.random() < 0.5,
        lambda: random.choice([-1, 1]) * random.getrandbits(random.choice([6, 7, 15, 16, 31, 32, 63])),
        lambda: random.randrange(-1000, 1000) / 8,
        lambda: Decimal(random.randrange(-(10**6), 10**6)).scaleb(-random.randrange(6)),
        lambda: random.choice(["", "ascii", "ünïcödé", "x" * 1000]),
        lambda: bytearray(random.randbytes(random.randrange(20))),
        lambda: _moment(random),
        lambda: [_value(random, depth - 1) for _ in range(random.randrange(4))],
        lambda: _table(random, depth - 1),
    ]
    return random.choice(kinds if depth else kinds[:-2])()


def _moment(random: Random) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=random.getrandbits(32))
