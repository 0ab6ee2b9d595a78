"""What a drill showed: from the workers' own records, the signals and the exits to one verdict.

May know: records, ids, numbers. May not know: processes, clocks, brokers, how a verdict is shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from consumer.testing.drill.journal import Record


@dataclass(frozen=True, slots=True)
class Signal:
    """A worker was told to leave, at this CLOCK_MONOTONIC time in seconds."""

    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class Exit:
    """A worker was gone, at this CLOCK_MONOTONIC time in seconds. A deadly signal is a negative `code`."""

    pid: int
    code: int
    at: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the worst of several durations, in seconds."""

    median: float
    worst: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the messages and of the workers.

    Attributes:
        published: How many messages the broker confirmed.
        completed: How many of them were run and acked.
        parked: How many were set aside with a reason: neither completed nor lost.
        lost: Ids of those that were neither completed nor parked (in a drill cut short: not yet, perhaps).
        run_twice: Ids of those that were started again although no handler had asked for it; no orphans.
        handed_back: How many deliveries went back to their queue unstarted because of a drain.
        hand_over: From each signal to the first start, elsewhere, of a message that this worker handed back.
        exit_after_last_handler: Seconds from a worker's last handler (or the signal, if that was later) to
            its exit, at worst.
        started_after_signal: Ids that a worker started after its own drain had begun.
        orphans: Ids that were in flight when a drain timeout passed.
        exit_codes: How many workers left with each code.
        duration: Seconds from the first publish to the last exit.
        cut_short: Why the drill ended before all messages were completed; None if it didn't.
    """

    published: int
    completed: int
    parked: int
    lost: tuple[str, ...]
    run_twice: tuple[str, ...]
    handed_back: int
    hand_over: Spread | None
    exit_after_last_handler: float | None
    started_after_signal: tuple[str, ...]
    orphans: tuple[str, ...]
    exit_codes: Mapping[int, int]
    duration: float
    cut_short: str | None = None

    @property
    def kept(self) -> bool:
        """The promise: nothing was lost, and nothing was run twice but orphans."""
        return not (self.lost or self.run_twice or self.cut_short)

    def as_data(self) -> dict[str, object]:
        """The verdict as plain data, for JSON."""
        return {"kept": self.kept, **asdict(self)}


def judge(
    *,
    published: Sequence[str],
    records: Iterable[Record],
    signals: Sequence[Signal],
    exits: Sequence[Exit],
    duration: float,
    cut_short: str | None = None,
) -> Verdict:
    """Weigh everything that was written down. Messages that the drill didn't publish don't count."""
    ours = set(published)
    story = sorted(records, key=lambda record: record.at)
    orphans = _orphans(story) & ours
    parked = _ids(story, "parked") & ours
    completed = (_ids(story, "settled") & ours) - parked
    run_again = _run_again(story) - orphans
    return Verdict(
        published=len(published),
        completed=len(completed),
        parked=len(parked),
        lost=tuple(n for n in published if n not in completed and n not in parked),
        run_twice=tuple(n for n in published if n in run_again),
        handed_back=sum(_went_back(record, "drain") for record in story),
        hand_over=_spread([seconds for signal in signals for seconds in _hand_over(signal, story)]),
        exit_after_last_handler=max(_last_stretches(story, signals, exits), default=None),
        started_after_signal=tuple(sorted(_late_starts(story) & ours)),
        orphans=tuple(sorted(orphans)),
        exit_codes=dict(sorted(Counter(left.code for left in exits).items())),
        duration=duration,
        cut_short=cut_short,
    )


def _ids(story: Sequence[Record], event: str) -> set[str]:
    return {record.message_id for record in story if record.event == event and record.message_id}


def _went_back(record: Record, reason: str) -> bool:
    return record.event == "requeued" and record.reason == reason


def _orphans(story: Sequence[Record]) -> set[str]:
    handed_back = {record.message_id for record in story if _went_back(record, "orphan")}
    return _ids(story, "orphaned") | {name for name in handed_back if name}


def _run_again(story: Sequence[Record]) -> set[str]:
    """Those that were started more often than once and than a handler asked for (`raise Requeue()`)."""
    starts = Counter(record.message_id for record in story if record.event == "started")
    unasked = ("drain", "quiet", "orphan")
    asked_for = Counter(
        record.message_id for record in story if record.event == "requeued" and record.reason not in unasked
    )
    return {name for name, count in starts.items() if name and count > 1 + asked_for[name]}


def _hand_over(signal: Signal, story: Sequence[Record]) -> list[float]:
    """Seconds until the first of what this worker handed back was started elsewhere: one number, or none."""
    handed_back: set[str | None] = set()
    for record in story:
        if record.at < signal.at:
            continue
        if record.pid == signal.pid and _went_back(record, "drain"):
            handed_back.add(record.message_id)
        elif record.pid != signal.pid and record.event == "started" and record.message_id in handed_back:
            return [record.at - signal.at]
    return []


def _spread(seconds: Sequence[float]) -> Spread | None:
    return Spread(median(seconds), max(seconds)) if seconds else None


def _last_stretches(story: Sequence[Record], signals: Sequence[Signal], exits: Sequence[Exit]) -> Iterable[float]:
    asked = {signal.pid: signal.at for signal in signals}
    last_finish = {record.pid: record.at for record in story if record.event == "finished"}
    for left in exits:
        if left.pid in asked:
            yield left.at - max(asked[left.pid], last_finish.get(left.pid, 0))


def _late_starts(story: Sequence[Record]) -> set[str]:
    draining: set[int] = set()
    late: set[str] = set()
    for record in story:
        if record.event == "drain_started":
            draining.add(record.pid)
        elif record.event == "started" and record.pid in draining and record.message_id:
            late.add(record.message_id)
    return late
