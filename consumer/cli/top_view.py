"""How workers look in `lastcall top`: who drains and what it waits for, who can't be reached, and what all of them do.

May know: rich, statuses, rates. May not know: how they were asked for, clocks.
What a worker answers may be anything: no markup is read in it, and nothing in it reaches the terminal as an order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from consumer.cli.printable import one_line
from consumer.cli.top_rows import LONGEST_NAME, Seen, name, rows, seconds, state
from consumer.cli.top_status import InFlight, Status

WAITED_FOR_SHOWN = 10
NOBODY = (
    "No worker of yours on this machine answers for its health. Start workers with --health ADDRESS, "
    "or name the addresses of those that run elsewhere: lastcall top worker-1:8080 worker-2:8080"
)


@dataclass(frozen=True)
class Picture:
    """All workers, as wide as the terminal is when it is drawn; what matters most is on top."""

    seen: Sequence[Seen]
    footer: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.seen:
            yield Text(NOBODY)
        else:
            yield Text(summary(self.seen), style="bold")
            yield Text()
            yield from _draining(self.seen)
            yield from _unreached(self.seen)
            yield from rows(self.seen, options.max_width)
        if self.footer:
            yield Text(f"\n{self.footer}", style="bright_black")


def as_data(seen: Sequence[Seen]) -> dict[str, Any]:
    """All that is known, for JSON."""
    return {"workers": [_as_data(each) for each in seen]}


def _as_data(seen: Seen) -> dict[str, Any]:
    status = seen.look.status
    return {
        "address": seen.look.address,
        "problem": seen.look.problem,
        "status": None if status is None else status.model_dump(),
        "oldest_in_flight_seconds": None if status is None else status.oldest,
        "ended_per_second": seen.rates,
    }


def summary(seen: Sequence[Seen]) -> str:
    """One line: how many workers in which state, what is in flight, how much is settled."""
    statuses = [each.look.status for each in seen if each.look.status is not None]
    states = Counter(map(state, seen))
    parts = [
        f"{len(seen)} {'worker' if len(seen) == 1 else 'workers'}: "
        + ", ".join(f"{count} {each}" for each, count in states.most_common()),
        f"{sum(each.running for each in statuses)} in flight",
    ]
    known = [rate for each in seen for rates in (each.rates or {}).values() for rate in rates.values()]
    if any(each.rates is not None for each in seen):
        parts.append(f"{sum(known):.1f}/s settled")
    return "   ".join(parts)


def _draining(seen: Sequence[Seen]) -> Iterator[Text]:
    for each in seen:
        status = each.look.status
        if status is not None and status.drain is not None:
            drain = status.drain
            reason = f" ({one_line(drain.reason, LONGEST_NAME)})" if drain.reason else ""
            yield Text(
                f"{name(each)} drains for {seconds(drain.seconds)} of {seconds(drain.timeout)}{reason}"
                f" and waits for {_how_many(status)}",
                style="magenta" if drain.seconds <= drain.timeout else "bold red",
            )
            yield from _waited_for(status)
            yield Text()


def _how_many(status: Status) -> str:
    waits = status.running + len(status.shielded)
    return f"{waits}:" if waits else "nothing: it is leaving"


def _waited_for(status: Status) -> Iterator[Text]:
    for each in status.in_flight[:WAITED_FOR_SHOWN]:
        yield Text(f"  {_delivery(each)}")
    more = status.running - min(len(status.in_flight), WAITED_FOR_SHOWN)
    if more > 0:
        yield Text(f"  and {more} more")
    for task in status.shielded[:WAITED_FOR_SHOWN]:
        yield Text(f"  {one_line(task, LONGEST_NAME)}, a shielded stretch of a background task")


def _delivery(each: InFlight) -> str:
    message_id = one_line(each.message_id, LONGEST_NAME) if each.message_id else "a message without an id"
    parts = [f"{seconds(each.seconds):>8}  {message_id}", f"handler {one_line(each.handler, LONGEST_NAME)}"]
    parts += [f"attempt {each.attempt}"] if each.attempt > 1 else []
    parts += ["lease lost"] if each.lease_lost else []
    return ", ".join(parts)


def _unreached(seen: Sequence[Seen]) -> Iterator[Text]:
    unreached = [each.look for each in seen if each.look.status is None]
    for look in unreached:
        yield Text(f"{one_line(look.address, LONGEST_NAME)}: {one_line(look.problem or '', 300)}", "red")
    if unreached:
        yield Text()
