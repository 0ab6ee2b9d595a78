"""What a worker that owns its process writes: its log, and the event stream where one is asked for.

May know: settings, the other files of this room. May not know: the engine.
"""

import contextlib
import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from consumer.core.events import Observer
from consumer.errors import LastcallError
from consumer.observe.event_stream import EventStream
from consumer.observe.log_events import EventLog
from consumer.observe.logs import configure_logging
from consumer.settings import Settings

if TYPE_CHECKING:
    from structlog.typing import Processor


@contextmanager
def outputs(settings: Settings, worker: str) -> Iterator[list[Observer]]:
    """The observers that write; closed at the end. Raises ConfigurationError when `--events` can't be opened."""
    configure_logging(settings.log_level, settings.log_format, enrichers=_enrichers(settings))
    stream = EventStream(settings.events, worker) if settings.events else None
    try:
        yield [EventLog()] if stream is None else [EventLog(), stream]
    finally:
        if stream is not None:
            stream.close()


def _enrichers(settings: Settings) -> "list[Processor]":
    if (
        settings.tracing == "off" or importlib.util.find_spec("opentelemetry") is None
    ):  # the worker says what is missing
        return []
    from consumer.observe.trace_ids import add_trace_ids  # noqa: PLC0415 - only where it is wanted, and there

    return [add_trace_ids]


def complain(error: BaseException) -> None:
    """Says in the log why the worker could not start, or go on; with the traceback where it is not our own word."""
    logger = logging.getLogger("lastcall")
    if isinstance(error, LastcallError):
        logger.error("%s", error)
    else:
        logger.error("%r", error, exc_info=error.with_traceback(_from_the_users_code(error)))


def _from_the_users_code(error: BaseException) -> TracebackType | None:
    """The traceback from the first frame that is neither ours nor the standard library's, if there is one."""
    ours = (str(Path(__file__).parents[1]), str(Path(contextlib.__file__).parent))
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if "site-packages" in file or not file.startswith((*ours, "<")):
            return traceback
        traceback = traceback.tb_next
    return error.__traceback__
