"""What to publish for each handler of a worker: a file's lines, or payloads made from its annotation.

May know: payload types, JSON, polyfactory. May not know: brokers, processes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count as numbers
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter, create_model

from consumer.decoding import Decoder
from consumer.errors import ConfigurationError, Undecodable

JSON_OBJECT = (None, dict, dict[str, Any], dict[str, object], Any, object)
"""Annotations that say no more than "some JSON", or nothing at all (None: the handler takes no payload)."""


class QueueView(Protocol):
    """What the drill asks of a handler's queue."""

    @property
    def name(self) -> str:
        """As the broker knows it."""

    @property
    def parking(self) -> str:
        """Where the handler's messages are set aside."""


class HandlerView(Protocol):
    """What the drill asks of a worker's handler."""

    @property
    def name(self) -> str:
        """The function's name, for messages to people."""

    @property
    def queue(self) -> QueueView:
        """Where its messages come from."""

    @property
    def payload_type(self) -> object:
        """The annotation of its first parameter."""


@dataclass(frozen=True, slots=True)
class DrillMessage:
    """One message to be published."""

    id: str
    queue: str
    body: bytes


def drill_messages(
    handlers: Sequence[HandlerView], *, count: int, seed: int, payload_file: Path | None = None
) -> tuple[DrillMessage, ...]:
    """As many messages as asked for, for each handler in turn.

    Raises:
        ConfigurationError: The worker has no handler, the file doesn't fit, or a payload can't be made up.
    """
    if not handlers:
        raise ConfigurationError("The worker has no handler: there is nothing to drill. Add a @worker.handler.")
    bodies = [_bodies(handler, seed, payload_file) for handler in handlers]
    turns = cycle(zip(handlers, bodies, strict=True))
    return tuple(
        DrillMessage(f"drill-{seed}-{n}", handler.queue.name, next(body))
        for n, (handler, body) in zip(range(count), turns, strict=False)
    )


def _bodies(handler: HandlerView, seed: int, payload_file: Path | None) -> Iterator[bytes]:
    if payload_file is not None:
        return cycle(_lines(handler, payload_file))
    kind = handler.payload_type
    if kind in JSON_OBJECT:
        return (b'{"id":"%d-%d"}' % (seed, n) for n in numbers())
    if kind in (str, bytes):
        return (b"drill %d-%d" % (seed, n) for n in numbers())
    return _made_up(handler, seed)


def _lines(handler: HandlerView, payload_file: Path) -> list[bytes]:
    """Those lines of the file that the handler's annotation accepts."""
    try:
        lines = [line for line in payload_file.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise ConfigurationError(f"--payload {payload_file}: {error.strerror}. Name a readable file.") from error
    fitting = [line for line in lines if _accepts(handler.payload_type, line)]
    if not fitting:
        raise ConfigurationError(
            f"--payload {payload_file}: none of its {len(lines)} lines is a payload of the handler "
            f"{handler.name!r}, which takes {_name(handler.payload_type)}. Write one JSON document a line, "
            "at least one for each handler."
        )
    return fitting


def _accepts(kind: object, line: bytes) -> bool:
    if kind is None:
        return True
    try:
        Decoder(kind)(line)
    except Undecodable:
        return False
    return True


def _made_up(handler: HandlerView, seed: int) -> Iterator[bytes]:
    """Random payloads of the handler's type, of which the first is tried at once."""
    try:
        from polyfactory.factories.pydantic_factory import ModelFactory  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise ConfigurationError(
            "Making up payloads needs polyfactory. Install `lastcall[testing]`, or give payloads with --payload."
        ) from error
    kind: Any = handler.payload_type
    try:
        adapter, decode = TypeAdapter(kind), Decoder(kind)
        model: Any = create_model("DrillPayload", value=(kind, ...))
        factory: Any = ModelFactory.create_factory(model, __random_seed__=seed)

        def make() -> bytes:
            return adapter.dump_json(factory.build().value, by_alias=True)

        decode(make())
    except Exception as error:
        raise ConfigurationError(
            f"No payload can be made up for the handler {handler.name!r}, which takes {_name(kind)} "
            f"({type(error).__name__}). Give some with --payload FILE: one JSON document a line."
        ) from error
    return (make() for _ in numbers())


def _name(kind: object) -> str:
    return getattr(kind, "__name__", str(kind))
