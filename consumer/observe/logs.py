"""How a worker process writes its logs: structlog renders every record, for a person or as JSON.

May know: structlog, stdlib logging. May not know: the engine. Only who owns the process calls it.
"""

import logging
import sys
from collections.abc import Sequence
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from consumer.observe.log_events import LogLine

_CHATTY_LIBRARIES = ("aio_pika", "aiormq")
_TOLD_BY_OUR_EVENTS = ("error when creating transport", "Cancelling cause reader exited abnormally")
"""What aiormq logs of a failed attempt and of a lost connection: `connecting` and `connection_lost` say it once."""


def configure_logging(
    level: str, log_format: str, stream: TextIO | None = None, enrichers: Sequence[Processor] = ()
) -> None:
    """Render the process's logs: ours, structlog's and stdlib's alike. What the user has configured stays.

    Args:
        level: debug, info, warning or error.
        log_format: console, json, or auto (console on a terminal, else json).
        stream: Where to write; standard error by default.
        enrichers: What adds more keys to each record.
    """
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderers = _renderers(log_format, on_terminal=stream.isatty())
    root = logging.getLogger()
    if root.handlers:
        last: Processor = structlog.stdlib.render_to_log_kwargs
    else:
        _take_over(root, threshold, [_unfold, *_enrichers(), *enrichers], renderers, stream)
        last = structlog.stdlib.ProcessorFormatter.wrap_for_formatter
    if not structlog.is_configured():
        structlog.configure(
            processors=[structlog.stdlib.filter_by_level, *_enrichers(), *enrichers, last],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
    logging.getLogger("lastcall").setLevel(threshold)
    for library in _CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(max(threshold, logging.WARNING))
    logging.getLogger("aiormq.connection").addFilter(_is_news)


def _take_over(
    root: logging.Logger, threshold: int, foreign: list[Processor], renderers: list[Processor], stream: TextIO
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=foreign,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root.addHandler(handler)
    root.setLevel(threshold)


def _is_news(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_TOLD_BY_OUR_EVENTS)


def _enrichers() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderers(log_format: str, *, on_terminal: bool) -> list[Processor]:
    # Tracebacks stay plain in both: rich ones would show local variables, and with them payloads and secrets.
    if log_format == "console" or (log_format == "auto" and on_terminal):
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _unfold(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    line = event_dict["_record"].msg
    if isinstance(line, LogLine):
        event_dict.update({**line.keys, "event": line.name})
    return event_dict
