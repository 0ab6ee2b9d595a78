"""How parked messages look: a table, one whole message, and the line that says what came of a command.

May know: rich, stories, tallies. May not know: brokers, exit codes.
What a message carries may be anything: control characters are shown by their codes and never reach the terminal.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from consumer.cli.printable import printable
from consumer.core.delivery import Message
from consumer.core.parked import ParkedStory
from consumer.parked.moves import Tally

__all__ = ["as_json", "moved", "printable", "progress", "readable", "shown", "stdout", "table", "whole"]

REASON_SHOWN = 200
BYTES_A_LINE = 16
WIDE = 220
"""Columns where there is no terminal: message ids stay whole, to be copied."""


def stdout() -> Console:
    """Where tables go: as wide as the terminal, or wide."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


def table(rows: Iterable[tuple[int, ParkedStory]]) -> Table:
    """A row for each message: its place in the queue, and the gist of its story."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("#", "message id", "reason", "exception", "attempts", "first failed", "parked", "bytes"):
        made.add_column(name, justify="right" if name in {"#", "attempts", "bytes"} else "left", overflow="fold")
    for number, story in rows:
        cells = (
            str(number),
            story.message_id or "-",
            _shortened(story.reason),
            story.exception or "-",
            str(story.attempts),
            _when(story.first_failed_at),
            _when(story.parked_at),
            str(story.size),
        )
        made.add_row(*(Text(printable(cell)) for cell in cells))
    return made


def as_json(number: int, story: ParkedStory) -> str:
    """One line."""
    return json.dumps({"number": number, **story.as_data()})


def whole(number: int, story: ParkedStory, message: Message) -> str:
    """Everything that there is to see of a message."""
    lines = [f"---- message {number}: {story.message_id or 'without an id'} ----", *_gist(story), "properties"]
    for name in ("message_id", "content_type", "content_encoding", "correlation_id", "reply_to", "priority"):
        lines += _field(name, getattr(message.properties, name))
    for name in ("timestamp", "type", "app_id"):
        lines += _field(name, getattr(message.properties, name))
    lines.append("headers")
    shown_below = {"x-lastcall-traceback", "x-lastcall-reason"}
    for name, value in sorted(message.properties.headers.items()):
        lines += _field(name, value) if name not in shown_below else []
    if story.traceback is not None:
        lines += ["traceback", *(f"  {line}" for line in story.traceback.splitlines())]
    kind, body = readable(message.body)
    lines += [f"body ({kind}, {story.size} bytes)", *(f"  {line}" for line in body.splitlines())]
    return printable("\n".join(lines))


def readable(body: bytes) -> tuple[str, str]:
    """The body for a person, and as what it is shown: JSON, text or hex."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "hex", "\n".join(_hex_lines(body))
    try:
        return "JSON", json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "text", text


def shown(queue: str, tally: Tally) -> str:
    """What was seen of the queue, in one line."""
    return f"{queue}: {tally.there} messages, {tally.done} shown{_not_seen(tally)}"


def moved(queue: str, tally: Tally, verb: str, *, dry_run: bool) -> str:
    """What became of the queue's messages, in one line; `verb` says it of the done ones, such as `dropped`."""
    done = f"{queue}: {tally.done} {'would be ' if dry_run else ''}{verb}"
    stayed = f", {tally.unmoved} could not be (see above)" if tally.unmoved else ""
    return f"{done}{stayed}{_not_seen(tally)}, {'nothing was changed' if dry_run else f'{tally.left} left'}"


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[Tally], None]]:
    """A bar on stderr, if that is a terminal: give it each tally. It is gone afterwards."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not (console.is_terminal and total)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda tally: bar.update(task, completed=tally.looked)


def _not_seen(tally: Tally) -> str:
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    rest = tally.there - tally.looked
    return skipped + (f", {rest} not looked at" if rest else "")


def _gist(story: ParkedStory) -> Iterator[str]:
    yield from _field("reason", story.reason)
    yield from _field("exception", story.exception)
    yield from _field("attempts", story.attempts)
    yield from _field("first failed", _when(story.first_failed_at))
    yield from _field("parked", _when(story.parked_at))
    came = f"queue {story.queue or 'unknown'}, exchange {story.exchange!r}, routing key {story.routing_key!r}"
    yield from _field("came from", came)
    yield from _field("replays", story.replays)
    yield from _field("left out", story.incomplete)


def _field(name: str, value: object) -> list[str]:
    return [] if value is None else [f"  {name:<22} {value}"]


def _shortened(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= REASON_SHOWN else line[: REASON_SHOWN - 3] + "..."


def _when(time: datetime | None) -> str:
    return "-" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _hex_lines(body: bytes) -> Iterator[str]:
    for at in range(0, len(body), BYTES_A_LINE):
        chunk = body[at : at + BYTES_A_LINE]
        text = "".join(chr(each) if 32 <= each < 127 else "." for each in chunk)
        yield f"{at:08x}  {chunk.hex(' '):<{BYTES_A_LINE * 3}} {text}"
