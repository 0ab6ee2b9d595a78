"""The worker's health: put together, answered while the worker runs, and let go.

May know: the other files of this room. May not know: the engine (its picture is handed in).
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from consumer.core.snapshot import Snapshot
from consumer.observe.answers import Answers, Render
from consumer.observe.health_server import HealthServer
from consumer.observe.log_events import LogLine
from consumer.observe.loop_watch import LoopWatch
from consumer.observe.recent import RecentErrors
from consumer.observe.status import Status
from consumer.observe.whereabouts import told
from consumer.observers import Observers

_logger = logging.getLogger("lastcall")


@contextmanager
def answering(
    address: str,
    stuck_after: float,
    worker: str,
    look: Callable[[], Snapshot],
    watch: LoopWatch,
    observers: Observers,
) -> Iterator[None]:
    """Answer meanwhile. Raises ConfigurationError when the address can't be listened on."""
    errors = RecentErrors()
    answers = Answers(
        look,
        watch.silent_for,
        stuck_after,
        Status(worker, errors.newest_first),
        _late(look, lambda: max(watch.lag, watch.silent_for())),
    )
    server = HealthServer(address, answers)
    server.start()
    _logger.info(LogLine("health", {"address": address, "port": server.port}))
    try:
        with told(address, server.port), observers.meanwhile(errors):
            yield
    finally:
        server.stop()


def _late(look: Callable[[], Snapshot], lag: Callable[[], float]) -> Render:
    """The metrics, whose library is imported when they are asked for: at a start it would cost time for nothing."""
    made: list[Render] = []

    def render(accept: str) -> tuple[bytes, str]:
        if not made:
            from consumer.observe.metrics import Exposition  # noqa: PLC0415 - see above

            made.append(Exposition(look, lag))
        return made[0](accept)

    return render
