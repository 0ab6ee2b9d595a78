"""`lastcall parked list|show|replay|drop QUEUE`: what a person does about messages that could not be worked.

May know: typer, what can be done with parked messages and how it looks. May not know: AMQP, how a queue is walked.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import typer

from consumer.broker.port import Publisher
from consumer.cli import parked_options as options
from consumer.cli import parked_view as view
from consumer.cli.parked_room import Report, carry, look_for, run
from consumer.cli.plain import PlainCommand
from consumer.core.parked import ParkedStory, Wanted
from consumer.errors import ConfigurationError
from consumer.parked.finding import Found
from consumer.parked.moves import Act, Errand, Replay, Tally, dropped, looked_at
from consumer.parked.walk import Seen, Walk
from consumer.settings import Settings

LISTED = 100
SHOWN = 10
"""How many messages a person sees who gives no --limit."""

EPILOG = """\b
Exit codes:
  0    done
  1    something could not be moved, or the broker is away
  2    wrong usage or settings, or no such queue
  130  interrupted (Ctrl+C) after the message that was under way; 143: by SIGTERM

\b
Nothing is lost, however a command ends, kill -9 included: a message is published, confirmed and acked, in
this order. At worst it is in both queues afterwards: a duplicate. What was looked at and not moved goes back
to its place. While a command looks, it holds what it has seen: nobody else, another `list` included, sees that.
"""

_STYLE: dict[str, Any] = {"rich_markup_mode": None, "add_completion": False, "pretty_exceptions_enable": False}

parked = typer.Typer(
    help="Look at parked messages, send them back to work, or drop them.",
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    **_STYLE,
)


@parked.command("list", cls=PlainCommand, epilog=EPILOG)
def list_messages(
    queue: options.QueueName,
    ids: options.Ids = None,
    reason: options.Reason = "",
    exception: options.ExceptionName = None,
    since: options.Since = None,
    until: options.Until = None,
    min_attempts: options.MinAttempts = 0,
    limit: options.Limit = None,
    json_output: options.Json = False,
    amqp_url: options.AmqpUrl = None,
    queue_prefix: options.QueuePrefix = None,
) -> None:
    """List them. In a table the oldest 100, or as many as --limit says; with --json all of them."""
    settings = Settings.load(amqp_url=amqp_url, queue_prefix=queue_prefix)
    wanted = options.wanted(ids, reason, exception, since, until, min_attempts)
    rows: list[tuple[int, ParkedStory]] = []
    if json_output:
        report = _look(settings, queue, wanted, limit, lambda seen, story: _write(view.as_json(seen.number, story)))
    else:
        report = _look(settings, queue, wanted, limit or LISTED, looked_at(rows))
    if rows:
        view.stdout().print(view.table(rows))
    _end(report, view.shown(report.queue, report.tally), err=True)


@parked.command("show", cls=PlainCommand, epilog=EPILOG)
def show(
    queue: options.QueueName,
    ids: options.Ids = None,
    reason: options.Reason = "",
    exception: options.ExceptionName = None,
    since: options.Since = None,
    until: options.Until = None,
    min_attempts: options.MinAttempts = 0,
    limit: options.Limit = SHOWN,
    amqp_url: options.AmqpUrl = None,
    queue_prefix: options.QueuePrefix = None,
) -> None:
    """Show them whole: story, properties, headers, traceback, body. The oldest 10, or as many as --limit says."""
    settings = Settings.load(amqp_url=amqp_url, queue_prefix=queue_prefix)
    wanted = options.wanted(ids, reason, exception, since, until, min_attempts)

    async def act(seen: Seen, story: ParkedStory) -> bool:
        return await _write(view.whole(seen.number, story, seen.message))

    report = _look(settings, queue, wanted, limit, act)
    _end(report, view.shown(report.queue, report.tally), err=True)


@parked.command("replay", cls=PlainCommand, epilog=EPILOG)
def replay(
    queue: options.QueueName,
    to: options.To = None,
    ids: options.Ids = None,
    reason: options.Reason = "",
    exception: options.ExceptionName = None,
    since: options.Since = None,
    until: options.Until = None,
    min_attempts: options.MinAttempts = 0,
    limit: options.Limit = None,
    rate: options.Rate = None,
    even_without_headers: options.EvenWithoutHeaders = False,
    dry_run: options.DryRun = False,
    amqp_url: options.AmqpUrl = None,
    queue_prefix: options.QueuePrefix = None,
) -> None:
    """Send them back to work in their order. Each to the queue that it came from, attempts counted from 1 again."""
    settings = Settings.load(amqp_url=amqp_url, queue_prefix=queue_prefix)
    wanted = options.wanted(ids, reason, exception, since, until, min_attempts)
    found, target = run(look_for(settings, queue, to))

    def act(walk: Walk, publisher: Publisher) -> Act:
        return Replay(walk, publisher, target, rate, even_without_headers, dry_run)

    report = _carry(settings, found, wanted, limit, act, progress=view.progress("replaying", found.count))
    _end(report, view.moved(report.queue, report.tally, "moved", dry_run=dry_run))


@parked.command("drop", cls=PlainCommand, epilog=EPILOG)
def drop(
    queue: options.QueueName,
    ids: options.Ids = None,
    reason: options.Reason = "",
    exception: options.ExceptionName = None,
    since: options.Since = None,
    until: options.Until = None,
    min_attempts: options.MinAttempts = 0,
    limit: options.Limit = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    amqp_url: options.AmqpUrl = None,
    queue_prefix: options.QueuePrefix = None,
) -> None:
    """Drop them for good. It asks first; --dry-run says how many it would be, and `list` which."""
    settings = Settings.load(amqp_url=amqp_url, queue_prefix=queue_prefix)
    wanted = options.wanted(ids, reason, exception, since, until, min_attempts)
    found, _ = run(look_for(settings, queue))
    if found.count and not (yes or dry_run):
        _ask(found, limit or found.count, wanted)
    act = looked_at([]) if dry_run else dropped
    report = _carry(settings, found, wanted, limit, lambda *_: act, progress=view.progress("dropping", found.count))
    _end(report, view.moved(report.queue, report.tally, "dropped", dry_run=dry_run))


def _look(settings: Settings, queue: str, wanted: Wanted, limit: int | None, act: Act) -> Report:
    found, _ = run(look_for(settings, queue))
    return _carry(settings, found, wanted, limit, lambda *_: act, progress=nullcontext(lambda _tally: None))


def _carry(
    settings: Settings,
    found: Found,
    wanted: Wanted,
    limit: int | None,
    act: Callable[[Walk, Publisher], Act],
    progress: AbstractContextManager[Callable[[Tally], None]],
) -> Report:
    if found.warning is not None:
        typer.echo(f"lastcall parked: {found.warning}", err=True)
    with progress as step:
        return run(carry(Errand(wanted, limit, act, _tell, step), settings, found))


def _tell(story: ParkedStory, why: str) -> None:
    typer.echo(view.printable(f"{story.message_id or 'a message without an id'} stays parked: {why}"), err=True)


async def _write(text: str) -> bool:
    """On a thread: a pager that waits for its reader must not hold up the connection's heartbeats."""
    await asyncio.to_thread(typer.echo, text)
    return True


def _ask(found: Found, at_most: int, wanted: Wanted) -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("drop asks first, and stdin is no terminal: look with --dry-run, then give --yes.")
    which = f"{at_most} messages" if wanted == Wanted() else f"those of {at_most} messages that match"
    typer.confirm(f"{found.name}: drop {which}, for good?", abort=True)


def _end(report: Report, summary: str, *, err: bool = False) -> NoReturn:
    typer.echo(f"interrupted; {summary}" if report.signalled else summary, err=err)
    if report.problem is not None:
        typer.echo(f"lastcall parked: {report.problem}", err=True)
    raise typer.Exit(report.exit_code)
