"""How a check looks to a person.

May know: rich, reports. May not know: rules, exit codes.
"""

from collections.abc import Iterator
from textwrap import fill

from rich.console import Console
from rich.text import Text

from consumer.check.finding import Finding, Report
from consumer.cli.parked_view import printable

WIDTH = 100
COLOURS = {"error": "bold red", "warning": "yellow"}


def show(report: Report, console: Console) -> None:
    """Print the findings, what could not be checked, and the sum."""
    width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    for finding in report.findings:
        head = Text(f"{finding.severity:<8} ", style=COLOURS[finding.severity])
        console.print(head + Text(finding.code, style="bold"))
        console.out(f"  {printable(str(finding.where))}", highlight=False)
        for line in _body(finding, width):
            console.out(line, highlight=False)
        console.out("")
    if report.unchecked:
        console.print(Text("not checked", style="bold"))
        for each in report.unchecked:
            console.out(_indented(f"{each.what}: {each.why}.", width, hanging="    "), highlight=False)
        console.out("")
    console.out(fill(closing_sentence(report), width, break_long_words=False), highlight=False)


def closing_sentence(report: Report) -> str:
    """What it all means, in one line."""
    errors, warnings, unchecked = report.count("error"), report.count("warning"), len(report.unchecked)
    left = f"; {_counted(unchecked, 'thing')} could not be checked" if unchecked else ""
    warned = f"{_counted(warnings, 'warning')}" if warnings else "no warnings"
    if errors:
        return f"{report.target}: {_counted(errors, 'finding')} would break the promise, {warned}{left}."
    return f"{report.target}: nothing was found that would break the promise, {warned}{left}."


def _body(finding: Finding, width: int) -> Iterator[str]:
    yield _indented(finding.what, width)
    yield _indented(f"Why: {finding.why}", width, hanging="       ")
    yield _indented(f"Mend: {finding.mend}", width, hanging="        ")


def _indented(text: str, width: int, hanging: str = "  ") -> str:
    return fill(
        printable(text),
        width,
        initial_indent="  ",
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
