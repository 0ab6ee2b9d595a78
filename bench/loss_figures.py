"""What is lost, burnt or run twice: scale-downs in a row, restarted brokers, cut connections, killed workers and nodes.

    python -m bench.loss_figures [--only ROW …] [--scale 0.1] [--rounds 50] [--minutes 10] [--seed N] [--json FILE]

Needs a Docker engine. Brokers are containers of our own, workers real processes; judged by the workers' event streams
and by what is left in the queues. May know: the rows by name. May not know: how any of them is measured.
"""

import argparse
import asyncio
import json
import logging
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.loss import faults
from bench.loss.options import MINUTES, ROUNDS, Options
from bench.loss.rows import Row
from bench.loss.scale_downs import scale_downs

ROWS: dict[str, Callable[[Options], AsyncIterator[Row]]] = {
    "scale-downs": scale_downs,
    "restarts": faults.restarts,
    "cuts": faults.cuts,
    "kill": faults.kills,
    "kill-inbox": faults.kill_inbox,
    "nodes": faults.nodes,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loss_figures", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), help="these rows")
    parser.add_argument("--scale", type=float, default=1.0, help="the part of a full run that is done (0.1: a tenth)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="scale-downs in a row")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for which one node a minute is killed")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of what is left to chance")
    parser.add_argument("--json", type=Path, help="where to write the rows, with all that was counted")
    return parser.parse_args()


class Bar:
    """Shows how far a row has come."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("starting a broker", total=None)

    def tell(self, what: str, done: int, of: int) -> None:
        self._progress.update(self._task, description=what, completed=done, total=of)


async def measure(wanted: argparse.Namespace, console: Console) -> list[Row]:
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for name in wanted.only:
            with tempfile.TemporaryDirectory(prefix="loss-figures-") as folder:
                tell = Bar(progress).tell
                options = Options(wanted.scale, wanted.rounds, wanted.minutes, wanted.seed, Path(folder), tell)
                async for row in ROWS[name](options):
                    rows.append(row)
                    console.print(f"{row.what}: {row.found}")
    return rows


def table(rows: list[Row], seed: int) -> Table:
    shown = Table("figure", "to reach", "measured", "command", title=f"seed {seed}", show_lines=True)
    for row in rows:
        color = {True: "green", False: "red", None: "yellow"}[row.kept]
        shown.add_row(row.what, row.wanted, f"[{color}]{row.found}[/]", row.command)
    return shown


def main() -> int:
    wanted, console = arguments(), Console(stderr=True)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it tells of every refused dial while a broker restarts
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C: nothing is left behind
    try:
        rows = asyncio.run(measure(wanted, console))
    except KeyboardInterrupt:
        console.print("interrupted: containers and workers are removed")
        return 130
    if wanted.json:
        wanted.json.write_text(json.dumps({"seed": wanted.seed, "rows": [asdict(row) for row in rows]}, indent=2))
    Console(width=140).print(table(rows, wanted.seed))
    return 0 if all(row.kept is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
