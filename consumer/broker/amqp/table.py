"""Decodes the header tables that most messages have: texts, numbers and booleans, and nothing nested.

May know: how AMQP 0-9-1 encodes a field table (4.2.5.5, with RabbitMQ's types). May not know: what headers are for.
"""

import struct

_TEXT = ord("S")
_SIZE = struct.Struct(">I")
_NUMBERS = {ord(kind): struct.Struct(f">{code}") for kind, code in zip("tbBsuIilLfd", "?bBhHiIqqfd", strict=True)}


def plain_table(data: bytes, position: int, end: int) -> dict[str, object] | None:
    """The entries of a table that is data[position:end], its size left out; None: something that isn't plain.

    Raises IndexError, struct.error or UnicodeDecodeError where it isn't whole, or a text isn't UTF-8.
    """
    entries: dict[str, object] = {}
    while position < end:
        at_kind = position + 1 + data[position]
        name, kind = data[position + 1 : at_kind].decode(), data[at_kind]
        if kind == _TEXT:
            position = at_kind + 5 + _SIZE.unpack_from(data, at_kind + 1)[0]
            entries[name] = data[at_kind + 5 : position].decode()
        elif (number := _NUMBERS.get(kind)) is not None:
            entries[name] = number.unpack_from(data, at_kind + 1)[0]
            position = at_kind + 1 + number.size
        else:
            return None
    return entries if position == end else None
