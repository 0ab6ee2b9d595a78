"""Who blocks the event loop: a thread asks it for a sign of life, and names the task that keeps it from answering.

May know: threads, clocks, the loop's current task and stack. May not know: the engine, handlers, deliveries.

A call into C that keeps the interpreter's lock holds this thread too: such a one is not seen.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Thread, get_ident
from time import monotonic

from consumer.core.events import Event, Observer
from consumer.observe.log_events import LogLine
from consumer.observe.stacks import users_frames

LONGEST_PAUSE = 1.0
"""Seconds between two questions at most."""
FOR_EVER = TIMEOUT_MAX / 2
SLACK = 0.5
"""Seconds that the thread may wake late; more, and it was stopped itself."""
NO_TASK = "no task: a callback"

_logger = logging.getLogger("lastcall")


@contextmanager
def watching(
    blocked_after: float | None, heartbeat: float, observe: Observer, *, always: bool = False
) -> Iterator["LoopWatch | None"]:
    """Watch the running loop meanwhile; the watch, where there is one.

    Args:
        blocked_after: Seconds without an answer after which the task that holds the loop is named in the log, and
            again after twice, four times … as long; None: nobody is ever named, and nothing watched.
        heartbeat: Seconds between heartbeats, which a blocked loop can't send.
        observe: Is told `loop_blocked` on the loop's thread, once the loop is free again.
        always: Watch the loop though nobody is to be named: somebody asks for its lag.
    """
    if blocked_after is None and not always:
        yield None
        return
    patience = FOR_EVER if blocked_after is None else blocked_after
    watch = LoopWatch(asyncio.get_running_loop(), patience, heartbeat, observe)
    Thread(target=watch.run, name="lastcall loop watch", daemon=True).start()
    try:
        yield watch
    finally:
        watch.stop()


class _Sign(Enum):
    """What the thread has heard of the loop."""

    ALIVE = auto()
    SILENT = auto()
    ASLEEP = auto()  # nothing, but this thread did not run either (SIGSTOP, a laptop's lid): that proves nothing
    STOP = auto()


class LoopWatch:
    """Made on the loop's thread; `run` belongs to a thread of its own, until `stop` or until the loop is closed."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, blocked_after: float, heartbeat: float, observe: Observer
    ) -> None:
        self._loop = loop
        self._loops_thread = get_ident()
        self._blocked_after = blocked_after
        self._pause = min(LONGEST_PAUSE, blocked_after / 2)
        self._observe = observe
        self._mend = (
            "use `def` instead of `async def` for this handler (it runs in a thread then), or await "
            "asyncio.to_thread(...) for what blocks. Meanwhile no heartbeat is sent: after about "
            f"{2 * heartbeat:g} s the broker closes the connection and takes every delivery back"
        )
        self._signs: SimpleQueue[_Sign] = SimpleQueue()
        self._asked_at = 0.0
        self._answered = True
        self.lag = 0.0
        """Seconds that the loop took for its last answer."""

    def silent_for(self) -> float:
        """Seconds since a question that the loop has not answered yet; 0: it has answered. On any thread."""
        asked_at = self._asked_at
        return 0.0 if self._answered else monotonic() - asked_at

    def stop(self) -> None:
        """Let the thread go. Waits for nothing, so that a clogged log can't hold the loop."""
        self._signs.put(_Sign.STOP)

    def run(self) -> None:
        """Ask, wait for the answer, pause, and ask again."""
        while self._ask():
            sign = self._hear(self._blocked_after)
            if sign is _Sign.SILENT:
                sign = self._until_it_is_free()
            if sign is _Sign.STOP or self._hear(self._pause) is _Sign.STOP:
                return

    def _ask(self) -> bool:
        self._asked_at = monotonic()
        self._answered = False
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # it is closed
            return False
        return True

    def _answer(self) -> None:
        self.lag = monotonic() - self._asked_at
        self._answered = True
        self._signs.put(_Sign.ALIVE)

    def _hear(self, seconds: float) -> _Sign:
        due = monotonic() + seconds
        with suppress(Empty):
            return self._signs.get(timeout=seconds)
        return _Sign.SILENT if monotonic() - due < SLACK else _Sign.ASLEEP

    def _until_it_is_free(self) -> _Sign:
        """Says who holds the loop, and says it again at twice, four times … the time."""
        patience, sign = self._blocked_after, _Sign.SILENT
        while sign is _Sign.SILENT:
            task = self._say()
            sign = self._hear(patience)
            patience *= 2
        if sign is _Sign.ALIVE:
            data = {"task": task, "seconds": round(monotonic() - self._asked_at, 3)}
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._observe, Event("loop_blocked", data=data))
        return sign

    def _say(self) -> str:
        task = asyncio.current_task(self._loop)
        name = task.get_name() if task is not None else NO_TASK
        seconds = round(monotonic() - self._asked_at, 3)
        stack = users_frames(self._loops_thread)
        keys = {"task": name, "seconds": seconds, "stack": stack, "mend": self._mend}
        _logger.warning(LogLine("loop_stuck", keys))
        return name
