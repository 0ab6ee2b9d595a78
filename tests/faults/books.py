"""The books of one moment of a fault: what its workers have said, held against what they have promised.

May know: the event stream's keys. May not know: which fault it was, brokers.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.process.harness import MARGIN, Event, WorkerProcess

DRAIN_TIMEOUT = 10.0
"""Seconds; longer than any fault takes to be inflicted."""


@dataclass
class Books:
    """What was published, who worked on it, how it went. `problems` is the judgement."""

    workers: list[WorkerProcess] = field(default_factory=list)
    signalled: dict[int, float] = field(default_factory=dict)
    owed: set[str] = field(default_factory=set)
    """The messages that must be completed."""
    excused: int = 0
    """How often a message may be run again: once for each time that a worker has left and taken its memory along."""
    left: int = 0
    """Messages in the queue when all was over."""
    parked: int = 0

    def problems(self) -> list[str]:
        """The promises that were broken, in words; none is what we want."""
        return [*self._lost(), *self._too_often(), *self._by_worker()]

    def runs(self) -> Counter[str]:
        """How often each message was started, over all workers."""
        return Counter(each for worker in self.workers for each in worker.ids("started"))

    def _lost(self) -> Iterator[str]:
        done = {each for worker in self.workers for each in worker.ids("settled", outcome="completed")}
        if lost := sorted(self.owed - done):
            yield f"{len(lost)} of {len(self.owed)} messages were never completed: {lost[:5]}"
        if self.left or self.parked:
            yield f"{self.left} messages are left in the queue, {self.parked} were set aside"

    def _too_often(self) -> Iterator[str]:
        if often := {each: count for each, count in self.runs().items() if count > 1 + self.excused}:
            yield f"run again without need: {dict(sorted(often.items())[:5])}"

    def _by_worker(self) -> Iterator[str]:
        for number, worker in enumerate(self.workers, 1):
            for problem in (*_in_its_log(worker), *_at_the_same_time(worker.events), *self._of_its_end(worker)):
                yield f"worker {number}: {problem}"

    def _of_its_end(self, worker: WorkerProcess) -> Iterator[str]:
        if worker.running:
            yield "it still runs"
            return
        code = worker.returncode
        if code not in {0, 3}:
            yield f"exit code {code}: {worker.log[-3:]}"
        took = worker.gone_at - self.signalled.get(worker.pid, worker.gone_at)
        if took > DRAIN_TIMEOUT + MARGIN:
            yield f"it took {took:.1f} s to leave"
        if back := connected_while_draining(worker.events):
            yield f"it connected {back} times after its drain had begun"


def connected_while_draining(events: Sequence[Event]) -> int:
    """How many connections came up after the drain had begun."""
    names = [each["event"] for each in events]
    return names[names.index("drain_started") :].count("connected") if "drain_started" in names else 0


def _in_its_log(worker: WorkerProcess) -> Iterator[str]:
    for sign in ("Traceback", "unknown delivery tag", "never retrieved", "was never awaited"):
        if found := [line for line in worker.log if sign in line]:
            yield f"{sign!r} in its log, {len(found)} times: {found[0]}"


def _at_the_same_time(events: Sequence[Event]) -> Iterator[str]:
    running: Counter[str] = Counter()
    twice = set()
    for event in events:
        running[event["message_id"]] += (event["event"] == "started") - (event["event"] == "finished")
        if running[event["message_id"]] > 1:
            twice.add(event["message_id"])
    if twice:
        yield f"{len(twice)} messages ran twice at the same time: {sorted(twice)[:5]}"
