"""What a drill is told, and what it needs of a broker.

May know: nothing but itself. May not know: processes, an AMQP library, the command line.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from consumer.errors import LastcallError


class DrillError(LastcallError):
    """The drill couldn't be carried out, so it proves nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class DrillOptions:
    """One drill, as somebody wishes it.

    Attributes:
        target: The worker, `module:attribute`.
        seed: Two drills with the same seed have the same schedule and the same payloads.
        messages: How many are published.
        workers: How many are kept running.
        scale_downs: How many of them are told to leave, one after the other; each is replaced.
        payload_file: JSON documents, one a line; None: payloads are made up.
        drain_timeout: Seconds, for the workers; None: as their settings say.
        concurrency: For the workers; None: as their settings say.
        prefetch: For the workers; None: as their settings say.
        patience: After so many seconds in which nothing moved, the drill ends.
    """

    target: str
    seed: int
    messages: int = 500
    workers: int = 3
    scale_downs: int = 5
    payload_file: Path | None = None
    drain_timeout: float | None = None
    concurrency: int | None = None
    prefetch: int | None = None
    patience: float = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a drill takes place.

    Attributes:
        amqp_url: The broker that the workers connect to.
        queue_prefix: Before the name of every queue, so that a drill is alone on a shared broker.
        logs: An existing directory for the event stream and the workers' output.
    """

    amqp_url: str
    queue_prefix: str
    logs: Path

    @property
    def events(self) -> Path:
        """The file that all workers append their events to."""
        return self.logs / "events.jsonl"

    def worker_arguments(self, options: DrillOptions) -> list[str]:
        """The arguments of `lastcall run`; the address goes by the environment, since it holds a password."""
        flags = {
            "--events": self.events,
            "--queue-prefix": self.queue_prefix,
            "--drain-timeout": options.drain_timeout,
            "--concurrency": options.concurrency,
            "--prefetch": options.prefetch,
            "--health": "none",  # several workers on one machine can't all have the port of a pod
        }
        given = [(flag, str(value)) for flag, value in flags.items() if value is not None]
        return [options.target, *(word for pair in given for word in pair)]


class DrillBroker(Protocol):
    """What a drill asks of a broker beside what its workers do."""

    async def publish(self, queue: str, message_id: str, body: bytes) -> None:
        """Persistent, mandatory, confirmed; may be called many times at once. Raises PublishFailed."""

    async def delete(self, queue: str) -> None:
        """Delete the queue with its messages; nothing happens if there is none."""
