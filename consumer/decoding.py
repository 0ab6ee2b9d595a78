"""How a message's body becomes a payload of the type that its handler takes.

May know: pydantic. May not know: handlers (`consumer.payload` reads those), queues, the engine, AMQP.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import from_json

from consumer.errors import ConfigurationError, Undecodable

PLAIN_ENCODINGS = frozenset({"", "identity", "utf-8", "utf8"})
"""Content encodings under which a body is what it looks like."""


class Described(Protocol):
    """What is said of a body by who sent it; asked for no more than is needed."""

    @property
    def content_type(self) -> str | None:
        """A media type."""

    @property
    def content_encoding(self) -> str | None:
        """How it is compressed or encoded."""


class _Undescribed(NamedTuple):
    content_type: str | None = None
    content_encoding: str | None = None


UNDESCRIBED: Described = _Undescribed()

_ANYTHING_IN: tuple[tuple[Any, type], ...] = (
    (dict, dict),
    (dict[str, Any], dict),
    (list, list),
    (list[Any], list),
    (Any, object),
)
"""Payload types that leave open what is in them, and what a value must be to be one."""

_SHOWN_PROBLEMS = 3
_SHOWN_CHARACTERS = 200


class Decoder:
    """Makes bodies into payloads of one type; built once a handler, since building is what costs."""

    def __init__(self, payload_type: Any) -> None:
        """Build the decoder.

        Raises:
            ConfigurationError: The type is none that JSON can be made into; the text says why.
        """
        self._type_name = _name(payload_type)
        self._read: Callable[[bytes], object] = _reader(payload_type, self._type_name)
        self._takes_raw = payload_type is bytes

    def __call__(self, body: bytes, described: Described = UNDESCRIBED) -> object:
        """Make a body into a payload.

        Raises:
            Undecodable: It can't be done; the text is short and quotes at most a little of the body.
        """
        encoding = described.content_encoding
        if encoding is not None:
            self._refuse_if_encoded(encoding.strip().lower())
        try:
            return self._read(body)
        except ValidationError as error:
            problems = _problems(error)
        except UnicodeDecodeError as error:
            problems = f"not UTF-8 text at byte {error.start}"
        except Exception as error:
            # A validator of the user's own: the message is as undecodable, and its traceback shows why.
            raise Undecodable(self._reason(f"{type(error).__name__}: {error}", described.content_type)) from error
        raise Undecodable(self._reason(problems, described.content_type))  # outside: the cause would carry the body

    def _refuse_if_encoded(self, encoding: str) -> None:
        if encoding not in PLAIN_ENCODINGS and not self._takes_raw:
            raise Undecodable(f"content encoding {encoding!r:.40} is not decoded here (take the body as bytes)")

    def _reason(self, problems: str, content_type: str | None) -> str:
        kind = f" ({content_type:.60})" if content_type else ""
        return f"body{kind} is no {self._type_name}: {problems:.{_SHOWN_CHARACTERS}}"


def _reader(payload_type: Any, name: str) -> Callable[[bytes], object]:
    if payload_type is bytes:
        return bytes
    if payload_type is str:
        return bytes.decode
    try:
        adapter = TypeAdapter(payload_type)
        adapter.rebuild(raise_errors=True)  # else a name that isn't defined yet would park every message
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        cause = error.message.partition("\n")[0]
        raise ConfigurationError(f"{name} can't be a payload type here: {cause}") from error
    container = next((container for kind, container in _ANYTHING_IN if kind == payload_type), None)
    validate = adapter.validator.validate_json  # what the adapter's own method calls
    return validate if container is None else _straight(container, validate)


def _straight(container: type, validate: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Where there is nothing to validate, pydantic's parser makes Python's objects at once: the same, for half as much.

    What it can't make is validated all the same, which says what is wrong.
    """

    def read(body: bytes) -> object:
        try:
            payload = from_json(body)
        except ValueError:
            return validate(body)
        return payload if isinstance(payload, container) else validate(body)

    return read


def _name(payload_type: Any) -> str:
    return payload_type.__name__ if isinstance(payload_type, type) else f"{payload_type!s:.80}"


def _problems(error: ValidationError) -> str:
    shown = error.errors(include_url=False, include_context=False, include_input=False)[:_SHOWN_PROBLEMS]
    told = [": ".join(filter(None, [".".join(map(str, problem["loc"])), problem["msg"]])) for problem in shown]
    rest = error.error_count() - len(shown)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")
