"""Results as a table (Markdown) and as a plot; ratios are made within a round, so that a busy minute hits both sides.

May know: results, matplotlib. May not know: how they were measured.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.speed.measure import Result
from bench.speed.subjects import OURS

Rounds = Sequence[Mapping[str, Result]]


def table(rounds: Rounds, versions: Mapping[str, str]) -> str:
    """The medians, and how ours compares: median (least to most) of the rounds' ratios."""
    lines = [
        "| | version | CPU µs a message | ours takes of it | messages/s | ours gives of it | broker CPU µs "
        "| peak RSS MB | exec to first handled, s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, results in _by_subject(rounds).items():
        cpu, rate = _ratios(rounds, name, "cpu"), _ratios(rounds, name, "rate")
        cells = [
            name,
            versions.get(name, "not here"),
            f"{median(each.cpu for each in results):.1f}",
            _spread(cpu),
            f"{median(each.rate for each in results):,.0f}",
            _spread(rate),
            f"{median(each.broker_cpu for each in results):.1f}",
            f"{median(each.rss for each in results) / 1e6:.0f}",
            f"{median(each.start for each in results):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(rounds: Rounds, target: Path) -> None:
    """CPU and rate beside each other, each with its spread."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - slow, and of no use to `--help`

    by_subject = dict(sorted(_by_subject(rounds).items(), key=lambda item: median(each.cpu for each in item[1])))
    figure, axes = plt.subplots(1, 2, figsize=(14, 0.45 * len(by_subject) + 1.5), sharey=True)
    for axis, what, title in zip(axes, ("cpu", "rate"), ("CPU µs a message", "messages/s"), strict=True):
        values = [[getattr(each, what) for each in results] for results in by_subject.values()]
        middle = [median(each) for each in values]
        spread = [
            [m - min(v) for m, v in zip(middle, values, strict=True)],
            [max(v) - m for m, v in zip(middle, values, strict=True)],
        ]
        colors = ["tab:orange" if name.startswith("lastcall") else "tab:blue" for name in by_subject]
        axis.barh(list(by_subject), middle, xerr=spread, color=colors)
        axis.set_title(title)
        axis.invert_yaxis()
    figure.tight_layout()
    figure.savefig(target)


def _by_subject(rounds: Rounds) -> dict[str, list[Result]]:
    found: defaultdict[str, list[Result]] = defaultdict(list)
    for results in rounds:
        for name, result in results.items():
            found[name].append(result)
    return found


def _ratios(rounds: Rounds, name: str, what: str) -> list[float]:
    pairs = [(results[OURS], results[name]) for results in rounds if OURS in results and name in results]
    return [getattr(ours, what) / getattr(theirs, what) for ours, theirs in pairs]


def _spread(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
