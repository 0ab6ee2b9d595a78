"""Middleware: what runs around every attempt of every handler.

May know: deliveries, how a handler is called. May not know: the engine, what any middleware is for.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from consumer.core.delivery import Message
from consumer.delivery import Delivery
from consumer.errors import ConfigurationError

CallNext: TypeAlias = Callable[[], Awaitable[object]]
"""Runs what is further in, the handler in the end: returns what it returns, raises what it raises. Call it once."""
Middleware: TypeAlias = Callable[[Delivery, CallNext], Awaitable[object]]
Call: TypeAlias = Callable[[Message, Delivery | None], Awaitable[object]]
"""Of a handler, ready to be called: for one that takes no delivery it is None, unless there is middleware."""


def check(function: Middleware) -> None:
    """Make sure that it can be called as one. Raises ConfigurationError."""
    name = getattr(function, "__qualname__", repr(function))
    if not inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(type(function).__call__):
        raise ConfigurationError(f"Middleware {name!r} is no coroutine function: make it `async def`.")
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as error:
        raise ConfigurationError(f"Middleware {name!r} must take (delivery, call_next): {error}.") from error


def around(middleware: Sequence[Middleware], call: Call) -> Call:
    """The call within all of these, the first outermost; itself where there are none."""
    for each in reversed(middleware):
        call = _within(each, call)
    return call


def _within(outer: Middleware, inner: Call) -> Call:
    async def call(message: Message, delivery: Delivery | None) -> object:
        assert delivery is not None, "there is middleware"  # noqa: S101 - for the type's sake

        async def call_next() -> object:
            return await inner(message, delivery)

        return await outer(delivery, call_next)

    return call
