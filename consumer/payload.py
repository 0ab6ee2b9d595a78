"""What a handler takes: its payload, perhaps the delivery, and whether it is async.

May know: functions and their annotations. May not know: deliveries as such (their class is given), the engine.
"""

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Any, NamedTuple

from consumer.decoding import UNDESCRIBED, Decoder, Described
from consumer.errors import ConfigurationError

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_GATHERING = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class CallPlan(NamedTuple):
    """How to call a handler: the payload first (if it takes one), the delivery by its parameter's name."""

    payload_type: Any
    takes_payload: bool
    delivery_parameter: str | None
    is_async: bool
    decoder: Decoder

    def decode(self, body: bytes, described: Described = UNDESCRIBED) -> object:
        """Make a body into what the handler takes; None, whatever the body holds, where it takes no payload.

        Raises:
            Undecodable: The body can't be made into it; the text is the parking reason.
        """
        return self.decoder(body, described) if self.takes_payload else None


def read_signature(function: Callable[..., object], delivery_type: type) -> CallPlan:
    """Read how to call a handler from its signature.

    Raises:
        ConfigurationError: It takes something that a worker can't give it; names the handler and the parameter.
    """
    plain = _underlying(function)
    name = f"Handler {getattr(plain, '__qualname__', repr(plain))!r}"
    if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        raise ConfigurationError(f"{name} is a generator, so a call would run nothing of it: take out its yield.")
    hints = _hints(plain, name)
    parameters = list(inspect.signature(function).parameters.values())
    delivery = next((p for p in parameters if hints.get(p.name) is delivery_type), None)
    payload = parameters[0] if parameters and parameters[0] is not delivery else None
    _refuse_what_cannot_be_given(name, payload, delivery, parameters)
    payload_type = hints.get(payload.name, dict) if payload else None
    return CallPlan(
        payload_type=payload_type,
        takes_payload=payload is not None,
        delivery_parameter=delivery.name if delivery else None,
        is_async=inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(plain),
        decoder=_decoder(payload_type, name),
    )


def _underlying(function: Callable[..., object]) -> Callable[..., object]:
    """The plain function inside partials, decorators (`functools.wraps`), methods and callable objects."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _underlying(function.func)
    if inspect.isroutine(function):
        return function
    return _underlying(type(function).__call__)


def _hints(plain: Callable[..., object], name: str) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(plain, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise ConfigurationError(
            f"{name} has an annotation that can't be resolved ({error}): define or import what it names at the"
            " top level of its module, and not only under TYPE_CHECKING."
        ) from error


def _refuse_what_cannot_be_given(
    name: str, payload: Parameter | None, delivery: Parameter | None, parameters: Sequence[Parameter]
) -> None:
    if payload and payload.kind in _GATHERING:
        raise ConfigurationError(
            f"{name} takes *{payload.name}, which says nothing of its payload: name and annotate its first"
            " parameter, or put functools.wraps on the decorator that hides it."
        )
    if payload and payload.kind not in _POSITIONAL:
        raise ConfigurationError(f"{name} takes {payload.name!r} by keyword only: put it before the *.")
    if delivery and delivery.kind not in _BY_NAME:
        raise ConfigurationError(f"{name} takes {delivery.name!r} by position only: put it after the /.")
    for other in parameters:
        if other in (payload, delivery) or other.kind in _GATHERING or other.default is not Parameter.empty:
            continue
        raise ConfigurationError(
            f"{name} takes {other.name!r}, which a worker can't give it: it takes the payload first, a parameter"
            " annotated Delivery if it likes, and others only with a default (or bound by functools.partial)."
        )


def _decoder(payload_type: Any, name: str) -> Decoder:
    try:
        return Decoder(payload_type)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error
