"""All rules, and the one way to ask them all.

May know: the rules' files. May not know: what they look for, how anything was read.
"""

from collections.abc import Callable, Iterable, Iterator

from consumer.check import grace, permissions, probes, queues, scaling, starting, timeouts
from consumer.check.finding import Finding, Report, Rule, Unchecked
from consumer.check.subject import Subject

FAMILIES = (grace, starting, probes, scaling, queues, timeouts, permissions)

RULES: tuple[Rule, ...] = tuple(rule for family in FAMILIES for rule in family.RULES)


def examine(subject: Subject, target: str, unchecked: Iterable[Unchecked] = (), trouble: str | None = None) -> Report:
    """Ask every rule; `unchecked` and `trouble` are what the reading has met with. Errors come first."""
    checks: list[Callable[[Subject], Iterator[Finding | Unchecked]]] = [family.check for family in FAMILIES]
    told = [*unchecked, *(each for check in checks for each in check(subject))]
    found = dict.fromkeys(each for each in told if isinstance(each, Finding))
    open_questions = dict.fromkeys(each for each in told if isinstance(each, Unchecked))
    in_order = sorted(found, key=lambda each: each.severity != "error")
    return Report(target, tuple(in_order), tuple(open_questions), trouble)


def table() -> str:
    """The rules as docs/check.md shows them."""
    lines = ["| code | | what | why | the mend |", "|---|---|---|---|---|"]
    lines += [f"| `{r.code}` | {r.severity} | {_cell(r.what)} | {_cell(r.why)} | {_cell(r.mend)} |" for r in RULES]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
