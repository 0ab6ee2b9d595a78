"""How much of everything is done, and how it is told.

May know: numbers. May not know: what is done.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROUNDS, MINUTES = 50, 10.0
"""Scale-downs in a row, and minutes for which a node a minute is killed, in a full run."""
Tell = Callable[[str, int, int], None]
"""(what, how many of it are done, of how many)"""


@dataclass(frozen=True, slots=True)
class Options:
    """`scale` is the part of a full run that is done; `rounds` and `minutes` are those of a full run."""

    scale: float
    rounds: int
    minutes: float
    seed: int
    folder: Path
    tell: Tell

    def scaled(self, full: int) -> int:
        """So many of `full`, and one at least."""
        return max(1, round(full * self.scale))

    def command(self, row: str) -> str:
        """What to type for this row, at this scale."""
        given = {"scale": (self.scale, 1), "rounds": (self.rounds, ROUNDS), "minutes": (self.minutes, MINUTES)}
        differing = (f" --{flag} {value:g}" for flag, (value, default) in given.items() if value != default)
        flags = f"--only {row}{''.join(differing)}"
        return f"make loss-figures ARGS={shlex.quote(flags)}"
