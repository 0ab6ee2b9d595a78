"""`lastcall top`: what the workers do, at a glance, again and again.

May know: typer, rich, how workers are looked at and shown. May not know: HTTP, where workers are.
"""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from consumer.cli.top_looks import addresses, at_addresses, on_this_host
from consumer.cli.top_rows import Seen
from consumer.cli.top_status import Look, Rates, Status, rates
from consumer.cli.top_view import Picture, as_data

EVERY = 2.0
WIDTH_ELSEWHERE = 160
"""Columns where there is no terminal."""

EPILOG = """\b
Without an address: your workers on this machine that answer for their health (`lastcall run --health ADDRESS`),
found by a note that each leaves while it lives ($XDG_RUNTIME_DIR/lastcall, or lastcall-UID in the temporary folder).
Those of another user: sudo -u USER lastcall top. In containers: their addresses.

\b
    lastcall top
    lastcall top 8080 8081
    lastcall top worker-1:8080 https://workers.example/worker-2/statusz
    lastcall top --once --every 5 --json | jq '.workers[].ended_per_second'

\b
It only reads (docs/health.md), and shows no message but its id. Ctrl+C ends it. Where stdout is no terminal it looks
once. Exit codes of a single look:
  0  every worker answered
  1  one did not, or there is none
  2  wrong usage
"""

Looking = Callable[[], Awaitable[list[Look]]]


def top(
    workers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ADDRESS", help="Where a worker answers: a port, host:port or URL. Default: on this host."
        ),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.2, help="Between two looks. Default: 2. With --once: look twice."),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="For one worker's answer.")] = 3.0,
    once: Annotated[bool, typer.Option("--once", help="Print a table, and end.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document instead, and end.")] = False,
) -> None:
    """Watch workers: states, rates, and what draining ones wait for."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C: the terminal is put right again
    asked = addresses(workers or ())

    async def look() -> list[Look]:
        return await (at_addresses(asked, timeout) if asked else on_this_host(timeout))

    console = Console(highlight=False)
    if json_output or once or not console.is_interactive:
        seen = asyncio.run(_single(look, every))
        _print(seen, console, json_output=json_output)
        raise typer.Exit(0 if seen and all(each.look.status for each in seen) else 1)
    with suppress(KeyboardInterrupt):
        asyncio.run(_live(look, every or EVERY, console))


async def _single(look: Looking, every: float | None) -> list[Seen]:
    looks = await look()
    if every is None:
        return [Seen(each) for each in looks]
    await asyncio.sleep(every)
    return _paired(looks, await look())


async def _live(look: Looking, every: float, console: Console) -> None:
    before: list[Look] = []
    footer = f"every {every:g} s, Ctrl+C ends"
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            looks = await look()
            live.update(Picture(_paired(before, looks), footer), refresh=True)
            before = looks
            await asyncio.sleep(every)


def _paired(before: Sequence[Look], now: Sequence[Look]) -> list[Seen]:
    """Each look with the rates since the one before it at the same address."""
    then = {look.address: look.status for look in before}
    return [Seen(look, _rates(then.get(look.address), look.status)) for look in now]


def _rates(before: Status | None, now: Status | None) -> dict[str, Rates] | None:
    return None if before is None or now is None else rates(before, now)


def _print(seen: Sequence[Seen], console: Console, *, json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps(as_data(seen)))
        return
    if not console.is_interactive:
        console = Console(highlight=False, width=WIDTH_ELSEWHERE)
    console.print(Picture(seen))
