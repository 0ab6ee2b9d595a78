"""What the workers wrote into their event stream, read as it grows.

May know: the file and the keys of an event. May not know: what an event means for the promise.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """One event of one worker; `at` is CLOCK_MONOTONIC in seconds, the same clock in all processes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event: str
    at: float = Field(validation_alias="monotonic")
    pid: int
    message_id: str | None = None
    reason: str | None = None
    outcome: str | None = None


class Journal:
    """Follows one file, emptied first, that several workers append whole lines to."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(b"")  # what an earlier drill left here is another story
        self._file = path.open("rb")
        self._broken_line = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read_new(self) -> list[Record]:
        """What was written since the last call; a line whose end isn't there yet comes with a later one."""
        *lines, self._broken_line = (self._broken_line + self._file.read()).split(b"\n")
        return [Record.model_validate_json(line) for line in lines]
