"""`lastcall drill`: prove the promise on a worker, and say by the exit code whether it was kept.

May know: typer, rich, the drill's front door, who provides brokers. May not know: how a drill is carried out.
"""

import asyncio
import json
import random
import secrets
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from consumer.cli.drill_view import closing_sentence, verdict_table, watching
from consumer.cli.load import load_worker
from consumer.errors import ConfigurationError, LastcallError
from consumer.testing.brokers import provide
from consumer.testing.drill.broker import open_broker
from consumer.testing.drill.options import DrillOptions, Stage
from consumer.testing.drill.run import OnProgress
from consumer.testing.drill.run import drill as run_drill
from consumer.testing.drill.verdict import Verdict
from consumer.worker import Worker

EPILOG = """\b
Exit codes:
  0  the promise was kept: nothing lost, nothing run twice (but orphans)
  1  it was broken, or the drill couldn't be carried out
  2  wrong usage or settings

\b
The broker: the one that LASTCALL_AMQP_URL or AMQP_URL names (the drill's queues have names of their own, and
are deleted afterwards), else a container, else the machine's own rabbitmq-server.
"""

Messages = Annotated[int, typer.Option(metavar="N", min=1, help="How many messages are published.")]
Workers = Annotated[int, typer.Option(metavar="N", min=1, help="How many workers are kept running.")]
ScaleDowns = Annotated[int, typer.Option(metavar="N", min=0, help="How often one of them is told to leave.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Repeats an earlier drill. Default: random, and printed.")]
Payload = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Payloads, one JSON document a line. Default: made from the handlers' types."),
]
DrainTimeout = Annotated[float | None, typer.Option(metavar="SECONDS", help="For the workers, as of `run`.")]
Concurrency = Annotated[int | None, typer.Option(metavar="N", min=1, help="For the workers, as of `run`.")]
Prefetch = Annotated[int | None, typer.Option(metavar="N", min=1, help="For the workers, as of `run`.")]
KeepLogs = Annotated[
    Path | None, typer.Option(metavar="DIRECTORY", help="Keep the workers' logs and events there. Default: deleted.")
]
Patience = Annotated[float, typer.Option(metavar="SECONDS", min=1, help="End when nothing has moved for so long.")]
Json = Annotated[bool, typer.Option("--json", help="Print the verdict as JSON, and nothing else, on stdout.")]


def drill(
    target: Annotated[str, typer.Argument(metavar="MODULE:ATTRIBUTE", help="Where the Worker is: orders:worker.")],
    messages: Messages = 500,
    workers: Workers = 3,
    scale_downs: ScaleDowns = 5,
    seed: Seed = None,
    payload: Payload = None,
    drain_timeout: DrainTimeout = None,
    concurrency: Concurrency = None,
    prefetch: Prefetch = None,
    keep_logs: KeepLogs = None,
    patience: Patience = 60.0,
    json_output: Json = False,
) -> None:
    """Prove the promise on a real broker, with real processes.

    They are scaled down and up while they work.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C: what was started is stopped
    console = Console(stderr=json_output, highlight=False)
    options = DrillOptions(
        target=target,
        seed=random.SystemRandom().randrange(1_000_000) if seed is None else seed,
        messages=messages,
        workers=workers,
        scale_downs=scale_downs,
        payload_file=payload,
        drain_timeout=drain_timeout,
        concurrency=concurrency,
        prefetch=prefetch,
        patience=patience,
    )
    verdict = _carry_out(options, keep_logs, console)
    _show(verdict, console, options.seed, json_output=json_output)
    raise typer.Exit(0 if verdict.kept else 1)


def _carry_out(options: DrillOptions, keep_logs: Path | None, console: Console) -> Verdict:
    worker = load_worker(options.target)
    try:
        with _logs(keep_logs) as logs, provide(say=console.out) as broker:
            console.out(f"{options.workers} workers of {options.target} on {broker.description}; seed {options.seed}")
            stage = Stage(broker.url, f"drill-{secrets.token_hex(4)}.", logs)
            worker.configure(amqp_url=stage.amqp_url, queue_prefix=stage.queue_prefix)
            with watching(console) as show:
                return asyncio.run(_drill(options, stage, worker, show))
    except ConfigurationError:
        raise  # exit code 2
    except LastcallError as error:
        typer.echo(f"lastcall drill: {error}", err=True)
        raise typer.Exit(1) from error


async def _drill(options: DrillOptions, stage: Stage, worker: Worker, show: OnProgress) -> Verdict:
    async with open_broker(worker.settings) as broker:
        return await run_drill(options, stage, worker.handlers, broker, show)


@contextmanager
def _logs(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="lastcall-drill-") as directory:
            yield Path(directory)
        return
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


def _show(verdict: Verdict, console: Console, seed: int, *, json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps({"seed": seed, **verdict.as_data()}))
        return
    console.print(verdict_table(verdict))
    console.out(closing_sentence(verdict, _again(sys.argv[1:], seed)))


def _again(arguments: list[str], seed: int) -> str:
    """The same command line, with the seed."""
    given = any(word.split("=")[0] == "--seed" for word in arguments)
    return shlex.join(["lastcall", *arguments, *([] if given else ["--seed", str(seed)])])
