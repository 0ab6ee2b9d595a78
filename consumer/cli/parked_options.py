"""What `lastcall parked` is told: its arguments and options, shared by its commands, and how they are read.

May know: typer, settings, which messages can be asked for. May not know: brokers, output.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from consumer.core.parked import Wanted
from consumer.settings import Settings

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime | None = None) -> datetime:
    """A time in ISO 8601 (without an offset: UTC), or a duration before `now`: 90s, 15m, 2h, 3d, 1w."""
    now = now or datetime.now(UTC)
    if found := _DURATION.fullmatch(text.strip()):
        try:
            return now - timedelta(**{_UNITS[found["unit"]]: float(found["number"])})
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r}: write 2h, 3d, or a time such as 2024-05-06T07:08:09Z") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _setting(name: str, metavar: str) -> Any:
    return typer.Option(metavar=metavar, show_default=False, help=Settings.model_fields[name].description)


def _time(help_text: str) -> Any:
    return typer.Option(metavar="TIME", parser=moment, show_default=False, help=help_text)


QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="The work queue, or its parking queue.")]
AmqpUrl = Annotated[str | None, _setting("amqp_url", "URL")]
QueuePrefix = Annotated[str | None, _setting("queue_prefix", "TEXT")]
Ids = Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="This message id; may be given repeatedly.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="The reason contains this, in any case.")]
ExceptionName = Annotated[
    str | None, typer.Option("--exception", metavar="NAME", help="This exception, such as ValueError.")
]
Since = Annotated[datetime | None, _time("Parked since then: ISO 8601 (UTC without an offset), or 2h for 2 hours ago.")]
Until = Annotated[datetime | None, _time("Parked before then, written likewise.")]
MinAttempts = Annotated[int, typer.Option(metavar="N", min=0, show_default=False, help="Attempted at least so often.")]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="At most so many messages, the oldest first.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document a line, and nothing else, on stdout.")]
To = Annotated[str | None, typer.Option("--to", metavar="QUEUE", help="Where to. Default: where each came from.")]
Rate = Annotated[float | None, typer.Option(metavar="N", min=0.001, help="At most so many messages a second.")]
EvenWithoutHeaders = Annotated[
    bool,
    typer.Option("--even-without-headers", help="Also those whose own headers were lost when they were parked."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


def wanted(
    ids: list[str] | None,
    reason: str,
    exception: str | None,
    since: datetime | None,
    until: datetime | None,
    min_attempts: int,
) -> Wanted:
    """The filter that the options make."""
    return Wanted(frozenset(ids or ()), reason, exception, since, until, min_attempts)
