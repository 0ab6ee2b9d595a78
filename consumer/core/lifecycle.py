"""The life of a worker as a table: which state follows which, and nothing else.

May know: the names of states and of what happens. May not know: who makes it happen.
The diagram in docs/lifecycle.md is made from this table (`python -m consumer.core.lifecycle`).
"""

from enum import Enum


class Phase(Enum):
    """Where a worker is in its life."""

    IDLE = "idle"
    STARTING = "starting"
    CONSUMING = "consuming"
    QUIET = "quiet"
    RECONNECTING = "reconnecting"
    DRAINING = "draining"
    CLOSING = "closing"
    STOPPED = "stopped"


class Happening(Enum):
    """What moves a worker from one phase to the next."""

    START = "start"
    CONSUMED = "consuming from every queue"
    QUIETED = "quiet asked for, and no queue consumed"
    LOST = "connection lost"
    STOP = "stop asked for"
    FAILED = "broker refused, or away for good"
    DRAINED = "nothing in flight, or the drain timeout passed"
    CLOSED = "connections closed"


TABLE: dict[tuple[Phase, Happening], Phase] = {
    (Phase.IDLE, Happening.START): Phase.STARTING,
    (Phase.STARTING, Happening.CONSUMED): Phase.CONSUMING,
    (Phase.STARTING, Happening.QUIETED): Phase.QUIET,
    (Phase.STARTING, Happening.LOST): Phase.STARTING,
    (Phase.STARTING, Happening.STOP): Phase.DRAINING,
    (Phase.STARTING, Happening.FAILED): Phase.DRAINING,
    (Phase.CONSUMING, Happening.CONSUMED): Phase.CONSUMING,
    (Phase.CONSUMING, Happening.QUIETED): Phase.QUIET,
    (Phase.CONSUMING, Happening.LOST): Phase.RECONNECTING,
    (Phase.CONSUMING, Happening.STOP): Phase.DRAINING,
    (Phase.CONSUMING, Happening.FAILED): Phase.DRAINING,
    (Phase.QUIET, Happening.CONSUMED): Phase.CONSUMING,
    (Phase.QUIET, Happening.QUIETED): Phase.QUIET,
    (Phase.QUIET, Happening.LOST): Phase.RECONNECTING,
    (Phase.QUIET, Happening.STOP): Phase.DRAINING,
    (Phase.QUIET, Happening.FAILED): Phase.DRAINING,
    (Phase.RECONNECTING, Happening.CONSUMED): Phase.CONSUMING,
    (Phase.RECONNECTING, Happening.QUIETED): Phase.QUIET,
    (Phase.RECONNECTING, Happening.LOST): Phase.RECONNECTING,
    (Phase.RECONNECTING, Happening.STOP): Phase.DRAINING,
    (Phase.RECONNECTING, Happening.FAILED): Phase.DRAINING,
    (Phase.DRAINING, Happening.LOST): Phase.DRAINING,
    (Phase.DRAINING, Happening.STOP): Phase.DRAINING,
    (Phase.DRAINING, Happening.FAILED): Phase.DRAINING,
    (Phase.DRAINING, Happening.DRAINED): Phase.CLOSING,
    (Phase.CLOSING, Happening.LOST): Phase.CLOSING,
    (Phase.CLOSING, Happening.STOP): Phase.CLOSING,
    (Phase.CLOSING, Happening.CLOSED): Phase.STOPPED,
    (Phase.STOPPED, Happening.LOST): Phase.STOPPED,
    (Phase.STOPPED, Happening.STOP): Phase.STOPPED,
}


class IllegalPhaseError(Exception):
    """Something happened that cannot happen in this phase: a defect of ours."""


class Lifecycle:
    """The one place that knows in which phase this worker is."""

    def __init__(self) -> None:
        self.phase = Phase.IDLE

    def move(self, happening: Happening) -> Phase:
        """Let it happen; returns the phase that follows. Raises IllegalPhaseError where the table has no entry."""
        target = TABLE.get((self.phase, happening))
        if target is None:
            raise IllegalPhaseError(f"{happening.name} while {self.phase.name}")
        self.phase = target
        return target


def diagram() -> str:
    """The table as a Mermaid state diagram, without the moves that change nothing."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    lines += [
        f"    {source.value} --> {target.value}: {happening.value}"
        for (source, happening), target in TABLE.items()
        if source is not target
    ]
    return "\n".join([*lines, "    stopped --> [*]"])


if __name__ == "__main__":
    print(diagram())  # noqa: T201 - this is what the module does when run
