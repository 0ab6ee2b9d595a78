"""What `lastcall check` is told: its options.

May know: typer, settings. May not know: what is checked.
"""

from typing import Annotated, Any

import typer

from consumer.settings import Settings


def _setting(name: str, metavar: str) -> Any:
    """As of `run`: taken as text, and checked by the settings."""
    return typer.Option(metavar=metavar, show_default=False, help=Settings.model_fields[name].description)


AmqpUrl = Annotated[str | None, _setting("amqp_url", "URL")]
Prefetch = Annotated[str | None, _setting("prefetch", "N")]
Concurrency = Annotated[str | None, _setting("concurrency", "N")]
DrainTimeout = Annotated[str | None, _setting("drain_timeout", "SECONDS")]
QueuePrefix = Annotated[str | None, _setting("queue_prefix", "TEXT")]
Manifests = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH",
        show_default=False,
        help="A file of YAML or JSON documents, a Dockerfile, a directory of such, or - (stdin); repeatedly.",
    ),
]
ProcessId = Annotated[
    int | None,
    typer.Option(
        "--pid",
        metavar="PID",
        min=1,
        show_default=False,
        help="Look at that process, in which the worker runs: its settings, its signals, who started it (Linux).",
    ),
]
NoBroker = Annotated[bool, typer.Option("--no-broker", help="Leave the broker aside, even if its address is given.")]
ConsumerTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=1,
        show_default=False,
        help="The broker's consumer_timeout, which it tells no client. Default: 1800, RabbitMQ's.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Let warnings fail too.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]
