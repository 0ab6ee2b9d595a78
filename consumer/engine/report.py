"""What a run of a worker came to, and the exit code that says so.

May know: nothing but itself. May not know: who prints it.
"""

from enum import IntEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """What the process's exit code means."""

    CLEAN = 0  # drained, nothing left behind
    FAILED = 1  # failed to start, or lost the broker for good
    USAGE = 2  # a wrong setting, handler or command line
    ORPHANS = 3  # the drain timeout passed: what still ran was requeued and named
    FORCED = 4  # a second signal cut the drain short


class Report(NamedTuple):
    """How the drain went. `seconds` from the stop to the end; `orphans` are message ids."""

    reason: str
    forced: bool
    seconds: float
    finished: int
    handed_back: int
    orphans: list[str]
    error: BaseException | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What a process that ran this should exit with."""
        if self.forced:
            return ExitCode.FORCED
        if self.error is not None:
            return ExitCode.FAILED
        return ExitCode.ORPHANS if self.orphans else ExitCode.CLEAN

    def as_dict(self) -> dict[str, object]:
        """For the event stream and the log."""
        facts: dict[str, object] = {
            "exit_code": int(self.exit_code),
            "reason": self.reason,
            "seconds": self.seconds,
            "finished": self.finished,
            "handed_back": self.handed_back,
            "orphans": list(self.orphans),
        }
        return facts if self.error is None else facts | {"error": str(self.error)}
