"""`python -m bench.speed`: this worker and its peers on the same work, in turn, round after round.

Writes build/bench/results.jsonl, table.md and plot.png. The consumer has one core, the broker another.
"""

import argparse
import json
import os
import random
import sys
from pathlib import Path

from rich.console import Console

from bench.speed.aims import aims_table
from bench.speed.broker import broker
from bench.speed.measure import Bench, Result
from bench.speed.prepare import prepare
from bench.speed.process import SubjectFailedError
from bench.speed.render import plot, table
from bench.speed.subjects import OURS, SUBJECTS, Subject
from consumer._version import __version__

BUILD = Path(__file__).parents[2] / "build" / "bench"


def main() -> None:
    """Measure, and write down."""
    options = _options()
    console = Console(stderr=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    console.print("everybody's environment (some minutes the first time)")
    versions = prepare(BUILD) | {"lastcall": __version__}
    wanted = [each for each in SUBJECTS if _is_wanted(each, options.only, versions, console)]
    if os.cpu_count() == 1:
        console.print("one core only: broker and consumer share it, and take each other's time")
    rounds: list[dict[str, Result]] = []
    with broker(core=0) as running:
        console.print(f"RabbitMQ {running.version}, {options.messages} messages, {options.rounds} rounds")
        bench = Bench(running, BUILD, options.messages, core=(os.cpu_count() or 1) - 1)
        rounds.extend(_round(bench, _in_turn(wanted, number), number, console) for number in range(options.rounds))
    told = {each.name: " ".join(versions[package] for package in each.packages) for each in wanted}
    text = table([{name: each[name] for name in told if name in each} for each in rounds], told)
    text = f"{text}\n\n{aims_table(rounds)}"
    where = f"Python {sys.version.split()[0]}, RabbitMQ {running.version}, {options.rounds} rounds"
    (BUILD / "table.md").write_text(f"{where}\n\n{text}\n")
    (BUILD / "results.jsonl").write_text(
        "".join(
            json.dumps({"round": number, **each.as_dict()}) + "\n"
            for number, of in enumerate(rounds)
            for each in of.values()
        )
    )
    plot(rounds, BUILD / "plot.png")
    print(text)


def _round(bench: Bench, subjects: list[Subject], number: int, console: Console) -> dict[str, Result]:
    results = {}
    for subject in subjects:
        try:
            result = bench.run(subject, f"bench-{number}-{SUBJECTS.index(subject)}")
        except SubjectFailedError as why:
            console.print(f"round {number + 1}: {subject.name}: {why}")
            continue
        results[subject.name] = result
        console.print(f"round {number + 1}: {subject.name}: {result.cpu:.1f} µs, {result.rate:,.0f} messages/s")
    return results


def _in_turn(subjects: list[Subject], number: int) -> list[Subject]:
    """Another order each round: nobody has the same one before him all the time, whose leavings he finds."""
    return random.Random(number).sample(subjects, len(subjects))


def _is_wanted(subject: Subject, only: list[str], versions: dict[str, str], console: Console) -> bool:
    missing = [package for package in subject.packages if package not in versions]
    if missing:
        console.print(f"{subject.name}: left out, {', '.join(missing)} can't be had (Debian: librabbitmq-dev, gcc)")
        return False
    return not only or subject.name == OURS or any(word in subject.name for word in only)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--messages", type=int, default=20_000, help="for the fast ones; default: 20000")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="subjects with this in their name")
    return parser.parse_args()


if __name__ == "__main__":
    main()
