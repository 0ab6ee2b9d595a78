"""What the workers have told so far, as far as the figures need it.

May know: the event stream's records. May not know: processes, brokers, faults.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable

from consumer.testing.drill.journal import Record

MOMENT = 0.02
"""Seconds that an ack may be under way from the worker's "settled" to the broker."""
LATELY_AT_MOST = 50


class Story:
    """Counts records as they come; messages are known by their ids."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.counts: Counter[str] = Counter()
        self.done: set[str] = set()
        self.parked: set[str] = set()
        self.starts: Counter[str] = Counter()
        self.finishes: Counter[str] = Counter()
        self.twice_at_once: set[str] = set()
        """Started in a worker in which they ran already."""
        self.run_after_completion: set[str] = set()
        """Run to their end again after they had been settled as completed."""
        self.consuming: set[int] = set()
        self.back_after: list[float] = []
        """Seconds from each lost connection until that worker consumed again."""
        self._lost_at: dict[int, float] = {}
        self._running: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._unsettled: defaultdict[int, set[str]] = defaultdict(set)
        self._lately_settled: defaultdict[int, deque[Record]] = defaultdict(lambda: deque(maxlen=LATELY_AT_MOST))

    def take(self, records: Iterable[Record]) -> None:
        """Count more records."""
        for record in records:
            self.records.append(record)
            self.counts[record.event] += 1
            if record.message_id is None:
                self._take_of_worker(record)
            else:
                self._take_of_message(record, record.message_id)

    def unsettled(self, pid: int) -> set[str]:
        """The messages that this worker has started and not settled."""
        return set(self._unsettled[pid])

    def just_settled(self, pid: int) -> set[str]:
        """Those that it settled in its last moment, so that the broker may not have read the ack."""
        lately = self._lately_settled[pid]
        return {record.message_id for record in lately if record.message_id and record.at > lately[-1].at - MOMENT}

    def _take_of_worker(self, record: Record) -> None:
        match record.event:
            case "consuming":
                self.consuming.add(record.pid)
                if record.pid in self._lost_at:
                    self.back_after.append(record.at - self._lost_at.pop(record.pid))
            case "connection_lost":
                self.consuming.discard(record.pid)
                self._lost_at[record.pid] = record.at
            case "drain_started":
                self.consuming.discard(record.pid)

    def _take_of_message(self, record: Record, name: str) -> None:
        running = self._running[record.pid]
        match record.event:
            case "started":
                self.starts[name] += 1
                self._unsettled[record.pid].add(name)
                running[name] += 1
                if running[name] > 1:
                    self.twice_at_once.add(name)
            case "finished":
                self.finishes[name] += 1
                running[name] = 0
                if name in self.done:
                    self.run_after_completion.add(name)
            case "settled":
                self._unsettled[record.pid].discard(name)
                self._lately_settled[record.pid].append(record)
                running[name] = 0
                if record.outcome in {"completed", "parked"}:  # else it was put off, and its copy is to come
                    self.done.add(name)
            case "parked":
                self.parked.add(name)
