"""`lastcall run`: load a worker, lay the flags over its settings, run it, and exit with its code.

May know: typer, settings, how a worker is loaded, its hosts. May not know: the engine.
"""

import gc
from importlib import import_module
from typing import Annotated, Any

import typer

from consumer.cli.load import load_worker
from consumer.hosts.parent_link import ParentLink
from consumer.observe.logs import configure_logging
from consumer.settings import Settings

EPILOG = """\b
Signals:
  SIGTERM, SIGINT    drain: take nothing new, hand back what has not started, finish the rest
  the same again     don't wait: hand back what is running, too
  SIGQUIT, a third   leave now
  SIGTSTP (Ctrl+Z)   be quiet: take nothing new, and stay; `lastcall quiet PID`
  SIGCONT            take new work again; `lastcall resume PID`
  (LASTCALL_STOP_SIGNALS=SIGHUP makes that one drain too)

\b
Exit codes:
  0  drained clean
  1  failed to start, or lost the broker for good
  2  wrong usage or settings
  3  drained, but handlers outlived the drain timeout: requeued, and named in the log
  4  forced by a second signal

\b
Settings: a flag comes first, then LASTCALL_* in the environment, then a .env file, then the default.
AMQP_URL is read where no LASTCALL_AMQP_URL is set, and LASTCALL_AMQP_URL_FILE may name a file that
holds it. Without a flag: LASTCALL_TLS_CA_FILE, LASTCALL_TLS_CERT_FILE, LASTCALL_TLS_KEY_FILE,
LASTCALL_TLS_VERIFY, LASTCALL_MANAGEMENT_URL, LASTCALL_HEARTBEAT, LASTCALL_RECONNECT_TIMEOUT,
LASTCALL_RETRY_ATTEMPTS, LASTCALL_RETRY_FIRST_WAIT, LASTCALL_RETRY_LONGEST_WAIT,
LASTCALL_STOP_SIGNALS, LASTCALL_BLOCKED_AFTER, LASTCALL_STUCK_AFTER, LASTCALL_TRANSPORT.
"""


def _flag(setting: str, metavar: str) -> Any:
    """The flag of a setting, taken as text: the settings check every source alike, in one voice."""
    field = Settings.model_fields[setting]
    shown = "" if field.default in (None, "") or "efault" in str(field.description) else f" Default: {field.default}."
    return typer.Option(metavar=metavar, show_default=False, help=f"{field.description}{shown}")


def _switch(setting: str) -> Any:
    """The flag of a setting that is on or off."""
    return typer.Option(show_default=False, help=f"{Settings.model_fields[setting].description} Default: off.")


def run(
    target: Annotated[str, typer.Argument(metavar="MODULE:ATTRIBUTE", help="Where the Worker is: orders:worker.")],
    amqp_url: Annotated[str | None, _flag("amqp_url", "URL")] = None,
    prefetch: Annotated[str | None, _flag("prefetch", "N")] = None,
    concurrency: Annotated[str | None, _flag("concurrency", "N")] = None,
    drain_timeout: Annotated[str | None, _flag("drain_timeout", "SECONDS")] = None,
    connect_timeout: Annotated[str | None, _flag("connect_timeout", "SECONDS")] = None,
    queue_prefix: Annotated[str | None, _flag("queue_prefix", "TEXT")] = None,
    log_level: Annotated[str | None, _flag("log_level", "LEVEL")] = None,
    log_format: Annotated[str | None, _flag("log_format", "FORMAT")] = None,
    events: Annotated[str | None, _flag("events", "FILE|-")] = None,
    max_messages: Annotated[str | None, _flag("max_messages", "N")] = None,
    idle_timeout: Annotated[str | None, _flag("idle_timeout", "SECONDS")] = None,
    loop: Annotated[str | None, _flag("loop", "KIND")] = None,
    processes: Annotated[str | None, _flag("processes", "N")] = None,
    health: Annotated[str | None, _flag("health", "ADDRESS")] = None,
    tracing: Annotated[str | None, _flag("tracing", "off|parent|link")] = None,
    pod_deletion_cost: Annotated[bool | None, _switch("pod_deletion_cost")] = None,
) -> None:
    """Run a worker until it is told to stop, and drain it then."""
    worker = load_worker(target)
    worker.configure(
        amqp_url=amqp_url,
        prefetch=prefetch,
        concurrency=concurrency,
        drain_timeout=drain_timeout,
        connect_timeout=connect_timeout,
        queue_prefix=queue_prefix,
        log_level=log_level,
        log_format=log_format,
        events=events,
        max_messages=max_messages,
        idle_timeout=idle_timeout,
        loop=loop,
        processes=processes,
        health=health,
        tracing=tracing,
        pod_deletion_cost=pod_deletion_cost,
    )
    link = ParentLink.found(worker)
    if link is None and worker.settings.processes > 1:
        configure_logging(worker.settings.log_level, worker.settings.log_format)
        from consumer.hosts.fleet import Fleet, own_command  # noqa: PLC0415 - only a parent needs it

        raise typer.Exit(Fleet(own_command(), worker.settings.processes, worker.stop_signals).run())
    if link is not None:
        worker.configure(processes=1, health=link.own_port(worker.settings.health))
    import_module("consumer.connecting")  # what the run would import, while `gc` is off
    gc.freeze()  # modules and classes stay as they are: no collection needs to look at them
    gc.enable()
    code = worker.run()
    if link is not None and worker.report is not None:
        link.report(worker.report.as_dict())
    raise typer.Exit(code)
