"""Busy pods are not the first to be deleted: a pod's deletion cost follows how many handlers run in it.

May know: the worker's picture, clocks, how an annotation is set. May not know: the engine, HTTP.

It runs on a thread of its own and touches nothing else. Whatever goes wrong is logged, each cause once, and tried again
later: a cost that is not told is a worse choice at a scale-in, and nothing more.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

from consumer.core.snapshot import Snapshot
from consumer.observe.log_events import LogLine
from consumer.observe.own_pod import OwnPod, PodError

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
DRAINING = -1
"""Less than an idle pod's cost: it leaves anyway, and would take no work that is missed."""
MOST = 2**31 - 1
LOOK_EVERY = 5.0
"""Seconds between two looks at the worker."""
LOOKS_THAT_COUNT = 6
"""A pod costs what the busiest of so many looks says: one that runs short messages is busy, and tells it once."""
LEAST_BETWEEN = 15.0
"""Seconds between two requests to the API server at least, which every pod asks."""
LONGEST_WAIT = 300.0
"""Seconds to wait at most after failures in a row."""

_logger = logging.getLogger("lastcall")


class Pace:
    """What to tell, and when: only what differs by much, and not often. `now`: seconds of a monotonic clock."""

    def __init__(self, least_between: float = LEAST_BETWEEN) -> None:
        self._least_between = least_between
        self._recent: deque[int] = deque(maxlen=LOOKS_THAT_COUNT)
        self._told: int | None = None
        self._not_before = 0.0
        self._failures = 0

    def due(self, seen: Snapshot, now: float) -> int | None:
        """The cost to tell now; None: nothing."""
        self._recent.append(seen.in_flight)
        cost = DRAINING if seen.draining else min(max(self._recent), MOST)
        return cost if now >= self._not_before and worth_telling(self._told, cost) else None

    def told(self, cost: int, now: float) -> None:
        """It was."""
        self._told, self._failures, self._not_before = cost, 0, now + self._least_between

    def failed(self, now: float) -> None:
        """It could not be: wait, and twice as long after each further failure."""
        self._failures += 1
        self._not_before = now + min(self._least_between * 2.0 ** min(self._failures, 10), LONGEST_WAIT)


def worth_telling(told: int | None, cost: int) -> bool:
    """Whether it differs by much: idle or not, draining or not, twice as many or half of them."""
    if told is None:
        return True
    if min(told, cost) <= 0:
        return told != cost
    return max(told, cost) >= 2 * min(told, cost)


@contextmanager
def costing(
    look: Callable[[], Snapshot],
    own_pod: Callable[[], OwnPod] = OwnPod,
    look_every: float = LOOK_EVERY,
    least_between: float = LEAST_BETWEEN,
) -> Iterator[None]:
    """Keep the cost of this pod up to date meanwhile. Outside of Kubernetes that is said, and nothing done."""
    complaints = _Complaints()
    try:
        pod = own_pod()
    except PodError as error:
        complaints(error)
        yield
        return
    over = Event()
    thread = Thread(
        target=_keep_telling,
        args=(pod, look, Pace(least_between), look_every, over, complaints),
        name="lastcall deletion cost",
        daemon=True,  # a request that is under way holds no exit
    )
    thread.start()
    try:
        yield
    finally:
        over.set()


def _keep_telling(
    pod: OwnPod,
    look: Callable[[], Snapshot],
    pace: Pace,
    look_every: float,
    over: Event,
    complaints: "_Complaints",
) -> None:
    while not over.wait(look_every):
        cost = pace.due(look(), monotonic())
        if cost is None:
            continue
        try:
            pod.annotate(ANNOTATION, str(cost))
        except PodError as error:
            pace.failed(monotonic())
            complaints(error)
        else:
            pace.told(cost, monotonic())


class _Complaints:
    """Each cause once: an API server that is away for a day is one line of the log."""

    def __init__(self) -> None:
        self._made: set[str] = set()

    def __call__(self, error: PodError) -> None:
        if error.cause not in self._made:
            self._made.add(error.cause)
            keys = {"problem": str(error), "mend": error.mend, "instead": "the pod's cost stays as it is"}
            _logger.warning(LogLine("deletion_cost_not_told", keys))
