"""A row of the table: what was done, what was wanted and what came of it.

May know: numbers and texts. May not know: how any of it was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `kept` is None where it is there for comparison only."""

    what: str
    wanted: str
    found: str
    kept: bool | None
    command: str
    seconds: float
    details: Mapping[str, object] = field(default_factory=dict)
