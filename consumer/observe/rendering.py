"""How structlog is set up, to render every record for a person or as JSON.

May know: structlog. May not know: levels, handlers, the engine. Slow to import: see `logs.py`.
"""

import logging
from collections.abc import Sequence

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from consumer.observe.log_events import LogLine


def formatter(log_format: str, enrichers: Sequence[Processor], *, on_terminal: bool) -> logging.Formatter:
    """Renders records of every library. `log_format`: console, json, or auto (console on a terminal).

    `enrichers` add keys to each record.
    """
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_unfold, *_enrichers(), *enrichers],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_renderers(log_format, on_terminal=on_terminal),
        ],
    )


def configure_structlog(enrichers: Sequence[Processor], *, ours: bool) -> None:
    """Have structlog's own loggers write through stdlib's, for a handler of `ours` or of the user's to render.

    What the user has configured stays.
    """
    if structlog.is_configured():
        return
    wrapped = structlog.stdlib.ProcessorFormatter.wrap_for_formatter
    last: Processor = wrapped if ours else structlog.stdlib.render_to_log_kwargs
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_enrichers(), *enrichers, last],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


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
