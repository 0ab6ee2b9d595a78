"""Every event as a line of JSON, for programs that watch a worker: the drill, tests, a person with jq.

May know: events, a file descriptor, clocks. May not know: the engine, logs' rendering, message bodies.
"""

import json
import logging
import os
import sys
import time

from consumer.core.events import Event
from consumer.errors import ConfigurationError

_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode
_logger = logging.getLogger("lastcall.events")


class EventStream:
    """An observer that appends each event to a file, or writes it to standard output.

    A line goes out in one unbuffered write, so several workers may share a file, and a worker that is killed
    leaves whole lines. A stream that fails (disk full, pipe closed) says so once and stops; the worker goes on.
    """

    def __init__(self, target: str, worker: str) -> None:
        """Open the stream.

        Args:
            target: A path, or `-` for standard output.
            worker: The worker's name, put into each line.

        Raises:
            ConfigurationError: The file can't be opened.
        """
        self._fixed = {"pid": os.getpid(), "worker": worker}
        self._target = target
        self._fd: int | None = _open(target)

    def __call__(self, event: Event) -> None:
        """Write one event."""
        if self._fd is None:
            return
        line = self._line(event)
        try:
            complete = os.write(self._fd, line) == len(line)
        except OSError as error:
            self._give_up(str(error))
        else:
            if not complete:
                self._give_up("it took only a part of a line")

    def close(self) -> None:
        """Close the stream; later events are ignored. May be called again."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _line(self, event: Event) -> bytes:
        record = dict(event.data)
        record |= {"event": event.name, "at": time.time(), "monotonic": time.monotonic()}
        record |= {"queue": event.queue, "message_id": event.message_id}
        return f"{_encode(record | self._fixed)}\n".encode()

    def _give_up(self, cause: str) -> None:
        _logger.warning("the event stream to %s has ended: %s; the worker goes on without it", self._target, cause)
        self.close()


def _open(target: str) -> int:
    try:
        if target == "-":
            return os.dup(sys.stdout.fileno())
        return os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except (OSError, AttributeError) as error:
        raise ConfigurationError(
            f"The event stream (--events or LASTCALL_EVENTS) can't be written to {target!r} ({error}):"
            " name a file in a directory that exists and may be written, or - for standard output."
        ) from error
