"""The front door of the trio host: says what is missing, and imports what it takes only when it is used.

May know: whether this is trio. May not know: the engine's insides, AMQP.

trio-asyncio puts functions of its own in the place of asyncio's as it is imported: a process that doesn't use it keeps
asyncio's.
"""

import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.errors import ConfigurationError
from consumer.hosts.signals import Stoppable

if TYPE_CHECKING:
    from consumer.hosts.trio_side import TrioSide

T = TypeVar("T")


async def serve(live: "Callable[[TrioSide], Coroutine[Any, Any, T]]", told: Stoppable) -> T:
    """Run asyncio code in trio; what it returned. `told` is asked to drain where trio would end it.

    Raises what it raised, or the cancellation or KeyboardInterrupt that came meanwhile; ConfigurationError where this
    isn't trio, or trio-asyncio is missing.
    """
    if not _is_trio():
        raise ConfigurationError(
            "worker.serve_trio() runs in trio: `trio.run(worker.serve_trio)`. In asyncio, `await worker.serve()`."
        )
    try:
        from consumer.hosts.trio_life import serve as serve_in_trio  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if str(error.name).startswith("consumer"):
            raise
        raise ConfigurationError(
            f"worker.serve_trio() needs {error.name}, which is not installed: install `lastcall[trio]`."
        ) from error
    return await serve_in_trio(live, told)


def _is_trio() -> bool:
    """Whether the running code is of trio's kind: then trio, and sniffio with it, are imported."""
    return "trio" in sys.modules and import_module("sniffio").current_async_library() == "trio"
