"""Skims the basic properties of a message: finds what every message is asked for, and whether the rest can wait.

May know: how AMQP 0-9-1 encodes properties (4.2.6.1). May not know: what they are asked for.

Decoding them all costs more than everything else that is done with a message; most handlers ask for none of it.
"""

import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

from pamqp import decode

from consumer.broker.amqp.table import plain_table

FLAGS, FIRST = 12, 14
"""Where the flags and then the properties begin: after class, weight and body size."""
TEXT, MESSAGE_ID, TABLE, MOMENT, OCTET = 0, -1, -2, 8, 1
"""Kinds of properties; those of a fixed size are that size in bytes."""
KINDS = (TEXT, None, TABLE, OCTET, OCTET, TEXT, TEXT, TEXT, MESSAGE_ID, MOMENT, TEXT, TEXT, TEXT, TEXT)
"""Of content type, content encoding (None: nothing that has one can wait), headers and so on, as they follow."""
EMPTY = b"\x00\x00\x00\x00"

_NO_HEADERS: Mapping[str, object] = {}
_before_id: tuple[bytes, int] = b"none yet", FIRST
"""The flags and all that came before the last message's id, and where that began: most are like the one before."""


def skim(header: bytes) -> tuple[str | None, Mapping[str, object]] | None:
    """The message id and the headers; None: what is in this content header must be decoded as a whole, now.

    What isn't None can be decoded without an error: its texts are ASCII, and all is as long as it says.
    """
    global _before_id  # noqa: PLW0603 - an object that held it would cost what it saves
    before_id, start = _before_id
    if header[FLAGS:start] == before_id and start < len(header):
        text = header[start + 1 :]
        if header[start] == len(text) and text.isascii():
            return text.decode(), _NO_HEADERS
    skimmed = _skimmed(header)
    if skimmed is None:
        return None
    message_id, headers, start = skimmed
    if start and headers is _NO_HEADERS:
        _before_id = header[FLAGS:start], start
    return message_id, headers


def _skimmed(header: bytes) -> tuple[str | None, Mapping[str, object], int] | None:
    """And where the message id begins, if it is the last of all; else 0."""
    steps, position = _steps(header[FLAGS:FIRST]), FIRST
    message_id, headers = None, _NO_HEADERS
    kind = start = 0
    if steps is None:
        return None
    try:
        for kind in steps:
            start = position
            if kind > 0:
                position += kind
                if kind == MOMENT and header[start : start + 4] != EMPTY:  # milliseconds, or beyond the calendar
                    return None
            elif kind == TABLE:
                position += 4 + int.from_bytes(header[start : start + 4])
                headers = _table(header, start, position) if position > start + 4 else headers
            else:
                position += 1 + header[start]
                text = header[start + 1 : position]
                if not text.isascii():
                    return None
                if kind == MESSAGE_ID:
                    message_id = text.decode("ascii")
    except Exception:  # noqa: BLE001 - whatever pamqp makes of hostile bytes, it makes of them again, and that is told
        return None
    if position != len(header):
        return None
    return message_id, headers, start if kind == MESSAGE_ID else 0


def _table(header: bytes, start: int, end: int) -> Mapping[str, object]:
    with suppress(IndexError, struct.error, UnicodeDecodeError):
        plain = plain_table(header, start + 4, end)
        if plain is not None and end <= len(header):
            return plain
    size, headers = decode.field_table(header[start:])
    if size != end - start:
        raise ValueError("a table is not as long as it says")
    return headers


@lru_cache(maxsize=256)
def _steps(flags: bytes) -> tuple[int, ...] | None:
    """The kinds of the properties that these flags announce, in order; None: something that can't be skimmed."""
    number = int.from_bytes(flags, "big")
    kinds = [kind for bit, kind in zip(range(15, 1, -1), KINDS, strict=True) if number >> bit & 1]
    if len(flags) < 2 or number & 3 or None in kinds:
        return None
    return tuple(kind for kind in kinds if kind is not None)
