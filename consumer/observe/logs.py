"""How a worker process writes its logs: which records, where to, and rendered by structlog, once there is one.

May know: stdlib logging, that `rendering.py` renders. May not know: the engine. Only who owns the process calls it.
"""

import logging
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from structlog.typing import Processor

_CHATTY_LIBRARIES = ("aio_pika", "aiormq")
_TOLD_BY_OUR_EVENTS = ("error when creating transport", "Cancelling cause reader exited abnormally")
"""What aiormq logs of a failed attempt and of a lost connection: `connecting` and `connection_lost` say it once."""


def configure_logging(
    level: str, log_format: str, stream: TextIO | None = None, enrichers: "Sequence[Processor]" = ()
) -> None:
    """Render the process's logs: ours, structlog's and stdlib's alike. What the user has configured stays.

    structlog is imported with the first record that is written, unless the user has imported it by now: it takes a
    quarter of a worker's start.

    Args:
        level: debug, info, warning or error.
        log_format: console, json, or auto (console on a terminal, else json).
        stream: Where to write; standard error by default.
        enrichers: What adds more keys to each record.
    """
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    ours = not root.handlers
    if ours:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(_Rendered(log_format, enrichers, on_terminal=stream.isatty()))
        root.addHandler(handler)
        root.setLevel(threshold)
    if "structlog" in sys.modules:
        from consumer.observe.rendering import configure_structlog  # noqa: PLC0415 - see above

        configure_structlog(enrichers, ours=ours)
    logging.getLogger("lastcall").setLevel(threshold)
    for library in _CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(max(threshold, logging.WARNING))
    logging.getLogger("aiormq.connection").addFilter(_is_news)


class _Rendered(logging.Formatter):
    """structlog's formatter, made when there is a record to be written."""

    def __init__(self, log_format: str, enrichers: "Sequence[Processor]", *, on_terminal: bool) -> None:
        super().__init__()
        self._log_format = log_format
        self._enrichers = enrichers
        self._on_terminal = on_terminal

    def format(self, record: logging.LogRecord) -> str:
        return self._by_structlog.format(record)

    @cached_property
    def _by_structlog(self) -> logging.Formatter:
        from consumer.observe.rendering import configure_structlog, formatter  # noqa: PLC0415 - see configure_logging

        configure_structlog(self._enrichers, ours=True)
        return formatter(self._log_format, self._enrichers, on_terminal=self._on_terminal)


def _is_news(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_TOLD_BY_OUR_EVENTS)
