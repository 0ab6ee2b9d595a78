"""`lastcall check`: say what in the settings, the manifests or the broker would break the promise.

May know: typer, how a worker is loaded, what puts a check together. May not know: rules.
"""

import json
import sys
from io import TextIOWrapper
from typing import Annotated

import typer
from rich.console import Console

from consumer.cli import check_options as options
from consumer.cli.check_room import check as look_at
from consumer.cli.check_sources import process, read
from consumer.cli.check_view import show
from consumer.cli.load import load_worker

EPILOG = """\b
Exit codes:
  0  nothing was found that would break the promise (there may be warnings; --strict: none)
  1  something was
  2  wrong usage or settings, or the broker or a manifest that was given could not be looked at

\b
Looks at the broker where its address is given (--amqp-url, LASTCALL_AMQP_URL, AMQP_URL), and changes nothing
there; at policies where LASTCALL_MANAGEMENT_URL is. In each pod or service of the manifests the worker has the
settings that it is given there, laid over those that hold here. What could not be checked is listed.

\b
  kubectl kustomize deploy/ | lastcall check orders:worker --manifests -
  kubectl exec POD -- lastcall check orders:worker --pid 1
docs/check.md has all findings.
"""


def check(
    target: Annotated[str, typer.Argument(metavar="MODULE:ATTRIBUTE", help="Where the Worker is: orders:worker.")],
    manifests: options.Manifests = None,
    pid: options.ProcessId = None,
    amqp_url: options.AmqpUrl = None,
    no_broker: options.NoBroker = False,
    consumer_timeout: options.ConsumerTimeout = None,
    prefetch: options.Prefetch = None,
    concurrency: options.Concurrency = None,
    drain_timeout: options.DrainTimeout = None,
    queue_prefix: options.QueuePrefix = None,
    strict: options.Strict = False,
    json_output: options.Json = False,
) -> None:
    """Say what would break the promise.

    In the worker, its manifests, and its broker.
    """
    worker = load_worker(target)
    is_named = amqp_url is not None or "amqp_url" in worker.settings.model_fields_set
    worker.configure(
        amqp_url=amqp_url,
        prefetch=prefetch,
        concurrency=concurrency,
        drain_timeout=drain_timeout,
        queue_prefix=queue_prefix,
    )
    report = look_at(
        worker,
        target,
        read(manifests or ()),
        None if pid is None else process(pid),
        ask_broker=is_named and not no_broker,
        consumer_timeout=consumer_timeout,
    )
    if json_output:
        typer.echo(json.dumps(report.as_dict()))
    else:
        if isinstance(sys.stdout, TextIOWrapper):  # it may be able to write ASCII alone
            sys.stdout.reconfigure(errors="replace")
        show(report, Console(highlight=False))
    if report.trouble is not None:
        typer.echo(f"lastcall check: {report.trouble}", err=True)
    raise typer.Exit(report.exit_code(strict=strict))
