"""What crosses the link between us and a child, and how: frames, each of a length and so many bytes.

May know: messages, pickling. May not know: processes, the loop, who reads and who writes.
"""

from dataclasses import dataclass
from struct import Struct

from consumer.core.delivery import Message
from consumer.inbox.owner import Claimed

HEADER = Struct(">Q")
DRAINING = b""
"""The frame that tells a child that the worker drains; any other is a pickled Program (the first one) or Call."""
DONE = b""
"""A child's answer when all went well: it is ready, or its handler has returned. Else a pickled Failure."""
BEGUN = b"begun"
"""What a child says first of each Call: whatever becomes of it now, the handler may have run."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a child is to run. Function and preparation are pickled by themselves: reading them imports user code.

    `main`: what stands in for the `__main__` of the worker's program, where the function is in there.
    """

    path: list[str]
    main: "MainProgram | None"
    function: bytes
    preparation: bytes


@dataclass(frozen=True, slots=True)
class MainProgram:
    """Which program is to be imported (by its module's name, or its file), as its `__main__`."""

    module: str | None
    file: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One start of the handler; the body is decoded over there. `attempt` and `claim` are for its Delivery."""

    message: Message
    attempt: int
    claim: Claimed | None


def framed(payload: bytes) -> bytes:
    """What is written for it."""
    return HEADER.pack(len(payload)) + payload
