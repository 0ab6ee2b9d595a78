"""What a panel of a dashboard is made of.

May know: nothing but itself. May not know: which panels there are, Grafana's JSON.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["short", "s", "cps", "percentunit", "bytes"]
"""By Grafana's names; `cps` are counts per second."""


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and how its series are called: `{{label}}` is filled in."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over time; or, as a `figure`, one number of now, which is red from `red_from` on."""

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: Unit = "short"
    figure: bool = False
    red_from: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]
