"""What is counted of one queue's deliveries, from the worker's start: plain numbers, the cheapest there are.

May know: nothing but itself. May not know: who counts, who reads, how the numbers are shown.

Counted on the loop's thread alone, and read on any: a copy is made of single reads that the interpreter does not
interrupt, so it is never torn, but two of its numbers may be of two moments.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from operator import add

BOUNDS = (
    *(0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(30.0, 60.0, 300.0, 900.0),
)
"""Upper bounds (inclusive) of the buckets, in seconds: OpenTelemetry's for messaging, and some for long handlers."""

ENDS = ("completed", "parked", "retry", "saved", "handed_back", "orphaned", "rejected", "requeued", "lease_lost")
"""How a delivery leaves us; each leaves once. The first four are acks: the handler returned, or a confirmed copy has
taken the message's place (parked, for a later attempt, near the delivery limit)."""
FAILURES = ("parked", "retry", "returned")
"""What an attempt ends with that does not complete."""
_END_OF_RETURN = {"drain": "handed_back", "orphan": "orphaned", "retry": "rejected"}


class Histogram:
    """How many of something took how long."""

    __slots__ = ("buckets", "total")

    def __init__(self, buckets: Iterable[int] = (0,) * (len(BOUNDS) + 1), total: float = 0.0) -> None:
        self.buckets = list(buckets)
        self.total = total

    def add(self, seconds: float) -> None:
        """One more."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def copied(self) -> "Histogram":
        """As it is now."""
        return Histogram(self.buckets, self.total)

    def __add__(self, other: "Histogram") -> "Histogram":
        """Both together."""
        return Histogram(map(add, self.buckets, other.buckets), self.total + other.total)

    @property
    def count(self) -> int:
        """How many in all."""
        return sum(self.buckets)


class Tally:
    """The numbers of one queue. `received` is the sum of `ended` and of what is here, over a lease that stands.

    A delivery whose lease is lost has ended, though its handler runs on; one that has joined such a handler is here.
    """

    __slots__ = ("completions", "ended", "failed", "failures", "received", "redelivered", "waits")

    def __init__(self) -> None:
        self.received = 0
        self.redelivered = 0
        self.ended: defaultdict[str, int] = defaultdict(int, dict.fromkeys(ENDS, 0))
        self.failed: defaultdict[str, int] = defaultdict(int, dict.fromkeys(FAILURES, 0))
        """Attempts that have not completed, by their end."""
        self.completions = Histogram()
        """Of attempts that have completed: from the handler's start to its end."""
        self.failures = Histogram()
        """Of the other attempts."""
        self.waits = Histogram()
        """Of deliveries that found no free slot: from their arrival to their handler's start."""

    @property
    def completed(self) -> int:
        """Attempts that have completed."""
        return self.completions.count

    @property
    def durations(self) -> Histogram:
        """Of all attempts."""
        return self.completions + self.failures

    def returned(self, reason: str) -> None:
        """A delivery went back to its queue."""
        self.ended[_END_OF_RETURN.get(reason, "requeued")] += 1

    def copied(self) -> "Tally":
        """As it is now."""
        copy = Tally()
        copy.received, copy.redelivered = self.received, self.redelivered
        copy.ended.update(self.ended)
        copy.failed.update(self.failed)
        copy.completions, copy.failures = self.completions.copied(), self.failures.copied()
        copy.waits = self.waits.copied()
        return copy


class Published:
    """What was published, copies of ours included: how long until it was confirmed, and how often it was not."""

    __slots__ = ("durations", "failed")

    def __init__(self) -> None:
        self.durations = Histogram()
        self.failed = 0

    @property
    def attempted(self) -> int:
        """How many in all."""
        return self.durations.count + self.failed

    def copied(self) -> "Published":
        """As it is now."""
        copy = Published()
        copy.durations, copy.failed = self.durations.copied(), self.failed
        return copy
