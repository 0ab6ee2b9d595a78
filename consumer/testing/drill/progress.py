"""How a drill stands: from the records so far to one picture, for people and for the drill's own waiting.

May know: records and the fleet. May not know: how a picture is shown.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias

from consumer.testing.drill.fleet import Process
from consumer.testing.drill.journal import Record

State: TypeAlias = Literal["starting", "consuming", "draining", "gone"]


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker, for a row of the live view."""

    number: int
    pid: int
    state: State
    in_flight: int
    completed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The drill at one moment. `completed` counts messages that were acked: completed or parked."""

    messages: int
    published: int
    completed: int
    scale_downs: int
    scale_downs_done: int
    workers: tuple[WorkerView, ...]


class Scoreboard:
    """Keeps count of the records as they come; of `messages` (ids), and no others."""

    def __init__(self, messages: AbstractSet[str]) -> None:
        self._messages = messages
        self.records: list[Record] = []
        self.done: set[str] = set()
        self._seen: set[str] = set()
        self._consuming: set[int] = set()
        self._ready_once: set[int] = set()
        self._in_flight: Counter[int] = Counter()
        self._completed: Counter[int] = Counter()

    @property
    def moves(self) -> int:
        """Grows with every message that is started for the first time or done."""
        return len(self._seen) + len(self.done)

    def take(self, records: Iterable[Record]) -> None:
        """Count more records."""
        for record in records:
            self.records.append(record)
            if record.message_id is None:
                self._count_worker(record)
            elif record.message_id in self._messages:
                self._count_message(record, record.message_id)

    def _count_worker(self, record: Record) -> None:
        match record.event:
            case "consuming":
                self._consuming.add(record.pid)
                self._ready_once.add(record.pid)
            case "connection_lost" | "drain_started":
                self._consuming.discard(record.pid)

    def _count_message(self, record: Record, message_id: str) -> None:
        match record.event:
            case "started":
                self._in_flight[record.pid] += 1
                self._seen.add(message_id)
            case "finished":
                self._in_flight[record.pid] -= 1
            case "settled":
                self._completed[record.pid] += 1
                self.done.add(message_id)

    def was_ready(self, process: Process) -> bool:
        """Has it ever consumed?"""
        return process.pid in self._ready_once

    def state(self, process: Process) -> State:
        """What the worker is doing, by its own words and ours."""
        if process.left is not None:
            return "gone"
        if process.asked is not None:
            return "draining"
        return "consuming" if process.pid in self._consuming else "starting"

    def rows(self, processes: Sequence[Process]) -> tuple[WorkerView, ...]:
        """One row a worker."""
        return tuple(
            WorkerView(
                number=process.number,
                pid=process.pid,
                state=self.state(process),
                in_flight=0 if process.left else self._in_flight[process.pid],
                completed=self._completed[process.pid],
            )
            for process in processes
        )
