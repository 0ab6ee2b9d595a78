"""What a check finds: rules, findings, and what could not be checked.

May know: nothing but itself. May not know: what is looked at.
"""

from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]
"""An error breaks the promise (lost, run twice, cut short); a warning costs something, or breaks it on a bad day."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place: the file, the document in it (`Deployment/orders`), the field. Empty: there is none to name."""

    source: str = ""
    document: str = ""
    field: str = ""

    def at(self, name: str) -> "Where":
        """The field of that name, below this one."""
        return Where(self.source, self.document, f"{self.field}.{name}" if self.field else name)

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.source, self.document, self.field)))


@dataclass(frozen=True, slots=True)
class Rule:
    """What is looked for. `code`: its name for machines; `what`, `why` and `mend`: sentences for docs/check.md."""

    code: str
    severity: Severity
    what: str
    why: str
    mend: str

    def found(self, where: Where, what: str, *, why: str | None = None, mend: str | None = None) -> "Finding":
        """It was found there; what is said of the one case comes before what is said of all."""
        return Finding(self.code, self.severity, where, what, why or self.why, mend or self.mend)


@dataclass(frozen=True, slots=True)
class Finding:
    """One case of a rule."""

    code: str
    severity: Severity
    where: Where
    what: str
    why: str
    mend: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Something that a rule would have looked at, and why it could not."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found. `trouble`: what kept a part from being looked at that was asked for; None: nothing."""

    target: str
    findings: tuple[Finding, ...] = ()
    unchecked: tuple[Unchecked, ...] = field(default=())
    trouble: str | None = None

    def count(self, severity: Severity) -> int:
        """How many findings are that severe."""
        return sum(each.severity == severity for each in self.findings)

    def exit_code(self, *, strict: bool) -> int:
        """1: something would break the promise (`strict`: or was warned of); else 2: it could not all be looked at."""
        if self.count("error") or (strict and self.findings):
            return 1
        return 0 if self.trouble is None else 2

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "target": self.target,
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "findings": [asdict(each) for each in self.findings],
            "unchecked": [asdict(each) for each in self.unchecked],
            "trouble": self.trouble,
        }
