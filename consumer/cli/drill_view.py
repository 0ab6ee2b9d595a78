"""How a drill looks: a live view on a terminal, a line now and then elsewhere, and the verdict as a table.

May know: rich, progress, verdicts. May not know: how a drill is run, exit codes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from consumer.testing.drill.progress import Progress
from consumer.testing.drill.verdict import Spread, Verdict

SECONDS_BETWEEN_LINES = 3.0
GONE_SHOWN = 2  # rows of workers that have left
COLOURS = {"starting": "yellow", "consuming": "green", "draining": "magenta", "gone": "bright_black"}


@contextmanager
def watching(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Give what is to be called with every progress."""
    if not console.is_terminal:
        yield _lines(console)
        return
    with Live(console=console, transient=True, auto_refresh=True) as live:
        yield lambda progress: live.update(_picture(progress))


def _lines(console: Console) -> Callable[[Progress], None]:
    last = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            console.out(_line(progress))

    return show


def _line(progress: Progress) -> str:
    running = sum(worker.state != "gone" for worker in progress.workers)
    return (
        f"{progress.completed} of {progress.messages} completed, "
        f"{progress.scale_downs_done} of {progress.scale_downs} scale-downs, {running} workers running"
    )


def _picture(progress: Progress) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("worker")
    table.add_column("pid", justify="right")
    table.add_column("state", min_width=9)
    table.add_column("in flight", justify="right")
    table.add_column("completed", justify="right")
    gone = [worker for worker in progress.workers if worker.state == "gone"][-GONE_SHOWN:]
    for worker in progress.workers:
        if worker.state != "gone" or worker in gone:
            row = (f"#{worker.number}", str(worker.pid), worker.state, str(worker.in_flight), str(worker.completed))
            table.add_row(*row, style=COLOURS[worker.state])
    return Group(ProgressBar(total=progress.messages, completed=progress.completed), _line(progress), "", table)


def verdict_table(verdict: Verdict) -> Table:
    """The verdict, a row for each thing that was measured."""
    table = Table(show_header=False, title="The drill", title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    parked = f" ({verdict.parked} more parked)" if verdict.parked else ""
    table.add_row("published", str(verdict.published))
    table.add_row("completed", f"{verdict.completed}{parked}")
    table.add_row("lost", _count(verdict.lost) if verdict.cut_short is None else f"{len(verdict.lost)} not completed")
    table.add_row("run twice", _count(verdict.run_twice))
    table.add_row("handed back at the signal", str(verdict.handed_back))
    table.add_row("hand-over latency (median / worst)", _spread(verdict.hand_over))
    table.add_row("exit after the last handler (worst)", _seconds(verdict.exit_after_last_handler))
    table.add_row("orphans", str(len(verdict.orphans)))
    table.add_row("exit codes", ", ".join(f"{code}: {count}" for code, count in verdict.exit_codes.items()))
    table.add_row("duration", f"{verdict.duration:.1f} s")
    return table


def closing_sentence(verdict: Verdict, repeat: str) -> str:
    """What it all means, and how to see it again."""
    if verdict.kept:
        but = f" but {len(verdict.orphans)} orphans" if verdict.orphans else ""
        return f"The promise was kept: nothing was lost, and nothing was run twice{but}.\nThe same again: {repeat}"
    broken = [
        f"cut short: {verdict.cut_short}" if verdict.cut_short else "",
        f"{'not completed' if verdict.cut_short else 'lost'}: {_some(verdict.lost)}" if verdict.lost else "",
        f"run twice: {_some(verdict.run_twice)}" if verdict.run_twice else "",
    ]
    return f"The promise was broken; {'; '.join(filter(None, broken))}.\nThe same again: {repeat}"


def _some(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _count(ids: tuple[str, ...]) -> str:
    return f"[bold red]{len(ids)}[/]" if ids else "[green]0[/]"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.3f} s"


def _spread(spread: Spread | None) -> str:
    return "-" if spread is None else f"{_seconds(spread.median)} / {_seconds(spread.worst)}"
