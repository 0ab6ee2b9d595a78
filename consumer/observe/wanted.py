"""What the settings ask for of this room, imported where it is wanted and not else.

May know: settings, the other files of this room. May not know: the engine.
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from consumer.core.events import Observer
from consumer.core.snapshot import Snapshot
from consumer.errors import ConfigurationError
from consumer.observe.loop_watch import watching
from consumer.observers import Observers
from consumer.settings import Settings, named

if TYPE_CHECKING:
    from consumer.observe.tracing import Tracing


@contextmanager
def watched(
    settings: Settings, worker: str, look: Callable[[], Snapshot], tell: Observer, observers: Observers
) -> Iterator[None]:
    """Meanwhile the running loop is watched, whoever asks for the worker's health is answered, its pod's cost told.

    `tell`: is told what is seen of the loop. `observers`: are told whatever the worker tells.
    Raises ConfigurationError when its address can't be listened on.
    """
    asked = settings.health is not None
    watch_loop = watching(settings.blocked_after, settings.heartbeat, tell, always=asked)
    with _costing(settings, look), watch_loop as watch:
        if watch is None or settings.health is None:
            yield
            return
        from consumer.observe.health import answering  # noqa: PLC0415 - see above

        with answering(settings.health, settings.stuck_after, worker, look, watch, observers):
            yield


def _costing(settings: Settings, look: Callable[[], Snapshot]) -> AbstractContextManager[None]:
    if not settings.pod_deletion_cost:
        return nullcontext()
    from consumer.observe.deletion_cost import costing  # noqa: PLC0415 - see above

    return costing(look)


def tracing(settings: Settings) -> "Tracing | None":
    """None: it is off. Raises ConfigurationError where it is wanted and can't be had."""
    if settings.tracing == "off":
        return None
    if importlib.util.find_spec("opentelemetry") is None:
        raise ConfigurationError(f"{named('tracing')}: OpenTelemetry is not installed. Install `lastcall[otel]`.")
    from consumer.observe.tracing import Tracing  # noqa: PLC0415 - see above

    return Tracing(settings.tracing)
