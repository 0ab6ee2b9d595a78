"""Which bindings of an exchange a message matches, as AMQP 0-9-1 says.

May know: bindings, routing keys, headers. May not know: queues, connections.
"""

import re
from dataclasses import dataclass

from consumer.core.delivery import Outgoing
from consumer.core.queue import Binding, ExchangeType


@dataclass(frozen=True, slots=True)
class Route:
    """One binding of one exchange to one queue."""

    binding: Binding
    queue: str


def matches(kind: ExchangeType, binding: Binding, outgoing: Outgoing) -> bool:
    """Whether a message published to the exchange goes where the binding leads."""
    match kind:
        case "fanout":
            return True
        case "direct":
            return binding.routing_key == outgoing.routing_key
        case "topic":
            return _topic(binding.routing_key).fullmatch(f".{outgoing.routing_key}") is not None
        case "headers":
            return _headers_match(binding, outgoing)


def _topic(pattern: str) -> re.Pattern[str]:
    """`*` is one word, `#` any number of words; matched against the key with a dot before it."""
    words = {"*": r"\.[^.]*", "#": r"(?:\.[^.]*)*"}
    return re.compile("".join(words.get(word, re.escape(f".{word}")) for word in pattern.split(".")))


def _headers_match(binding: Binding, outgoing: Outgoing) -> bool:
    wanted = {name: value for name, value in binding.arguments.items() if not name.startswith("x-")}
    headers = outgoing.properties.headers
    found = [name in headers and headers[name] == value for name, value in wanted.items()]
    return any(found) if binding.arguments.get("x-match") == "any" else all(found)
