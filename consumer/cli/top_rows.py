"""What each worker does, a row for each of its queues: a table, or a few lines where a table has no room.

May know: rich, statuses, rates. May not know: how they were asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from consumer.cli.printable import one_line
from consumer.cli.top_status import Look, Queue, Rates, Status

NARROW, WIDE = 84, 116
"""Columns of the terminal below which there is no table, and from which the rate of each outcome is shown."""
LONGEST_NAME = 44
STUCK_AFTER = 2.0
"""Seconds for which the loop may be silent before that is what is told of the worker."""
UNREACHED = "not reached"
STYLES = {"consuming": "green", "draining": "magenta", "stuck": "red", UNREACHED: "red"}
OTHER = "yellow"


@dataclass(frozen=True)
class Seen:
    """A look at a worker, and the rates of each queue since the look before it; None: there was none."""

    look: Look
    rates: dict[str, Rates] | None = None


def rows(seen: Sequence[Seen], width: int) -> Iterator[RenderableType]:
    """All workers, for a terminal of so many columns."""
    if width < NARROW:
        for each in seen:
            yield from _lines(each)
    else:
        yield _table(seen, every=width >= WIDE)


def state(seen: Seen) -> str:
    """What there is to know of it first."""
    status = seen.look.status
    if status is None:
        return UNREACHED
    if status.loop_silent_for >= STUCK_AFTER:
        return "stuck"
    if status.drain is not None:
        return "draining"
    return "quiet" if status.quiet else one_line(status.phase, LONGEST_NAME)


def name(seen: Seen) -> str:
    """Its machine and its process id, which its own name has too; its address where that is all there is."""
    status = seen.look.status
    own = seen.look.address if status is None else status.worker.removeprefix("lastcall ")
    return one_line(own, LONGEST_NAME)


def seconds(number: float) -> str:
    """A duration at a glance: 0.4 s, 12 s, 3 min 5 s, 2 h 7 min."""
    whole = int(number)
    if number < 10:
        return f"{number:.1f} s"
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _table(seen: Sequence[Seen], *, every: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bright_black")
    table.add_column("worker", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("queue", overflow="fold")
    table.add_column("in flight", justify="right")
    table.add_column("prefetched", justify="right")
    table.add_column("redelivered", justify="right")
    table.add_column("oldest", justify="right", no_wrap=True)
    table.add_column("settled/s")
    for each in seen:
        queues = [] if each.look.status is None else each.look.status.queues
        first = [Text(name(each)), _state(each)]
        for cells in [_cells(each, queue, every=every) for queue in queues] or [[]]:
            table.add_row(*first, *cells)
            first = [Text(), Text()]
    return table


def _cells(seen: Seen, queue: Queue, *, every: bool) -> list[Text]:
    return [
        _queue(queue),
        Text(f"{queue.in_flight}/{queue.concurrency}"),
        Text(str(queue.prefetched)),
        Text(str(queue.redelivered), OTHER if queue.redelivered else ""),
        Text(_oldest(seen.look.status, queue)),
        Text(_rate(seen, queue, every=every)),
    ]


def _lines(seen: Seen) -> Iterator[RenderableType]:
    yield Text(f"{name(seen)}  ") + _state(seen)
    for queue in [] if seen.look.status is None else seen.look.status.queues:
        gist = f": {queue.in_flight}/{queue.concurrency}, oldest {_oldest(seen.look.status, queue)}, "
        yield Padding(_queue(queue) + Text(f"{gist}{_rate(seen, queue, every=False)} settled/s"), (0, 0, 0, 2))


def _state(seen: Seen) -> Text:
    told, status = state(seen), seen.look.status
    stuck = f" {seconds(status.loop_silent_for)}" if status is not None and told == "stuck" else ""
    return Text(told + stuck, STYLES.get(told, OTHER))


def _queue(queue: Queue) -> Text:
    return Text(one_line(queue.name, LONGEST_NAME)) + Text("" if queue.consumed else " (not consumed)", OTHER)


def _oldest(status: Status | None, queue: Queue) -> str:
    ages = [each.seconds for each in (status.in_flight if status else ()) if each.queue == queue.name]
    return seconds(max(ages)) if ages else "-"


def _rate(seen: Seen, queue: Queue, *, every: bool) -> str:
    rates = None if seen.rates is None else seen.rates.get(queue.name)
    if rates is None:
        return "-"
    if not every or not rates:
        return f"{sum(rates.values()):.1f}"
    many = sorted(rates.items(), key=lambda item: -item[1])
    return ", ".join(f"{rate:.1f} {one_line(outcome, LONGEST_NAME)}" for outcome, rate in many)
