"""`python -m bench.growth`: what a message costs as the work grows, and what memory it takes.

The worker has one core, the broker another. Ratios are made within a round. Writes build/bench/growth.md.
"""

import argparse
import os
import signal
import sys
import threading
from collections import defaultdict
from pathlib import Path
from statistics import median

from rich.console import Console

from bench.growth.cases import CASES, COMPARED_WITH, Case, Kind
from bench.speed.broker import Broker, broker, delete, fill
from bench.speed.process import Mark, resident_bytes, running
from bench.speed.subjects import PROGRAMS

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0
"""Seconds that a case has for its messages."""


def main() -> None:
    """Measure, and write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--loop", default="uvloop", help="asyncio or uvloop; default: uvloop")
    options = parser.parse_args()
    console = Console(stderr=True)
    figures: defaultdict[Case, list[float]] = defaultdict(list)
    idle: list[float] = []
    with broker(core=0) as running_broker:
        for number in range(options.rounds):
            for case in CASES:
                cost, at_rest = _run(running_broker, case, options.loop)
                figures[case].append(cost)
                idle.append(at_rest)
                console.print(f"round {number + 1}: {case.name}: {cost:,.1f}")
    text = _table(figures, median(idle))
    build = ROOT / "build" / "bench"
    build.mkdir(parents=True, exist_ok=True)
    (build / "growth.md").write_text(f"RabbitMQ {running_broker.version}, {options.loop}\n\n{text}\n")
    print(text)


def _run(on: Broker, case: Case, loop: str) -> tuple[float, float]:
    """CPU µs a message, or for memory the bytes of each in flight beyond its body; and bytes when at rest."""
    queues = [f"growth-{number}" for number in range(case.queues)]
    for queue in queues:
        fill(on.url, queue, b"x" * case.body, case.published)
    environment = {
        "BENCH_URL": on.url,
        "BENCH_QUEUE": "growth",
        "LASTCALL_AMQP_URL": on.url,
        "LASTCALL_LOOP": loop,
        "PYTHONPATH": os.pathsep.join([str(PROGRAMS), str(ROOT)]),
        **case.environment,
    }
    command = [sys.executable, "-m", "consumer", "run", "growth:worker", "--log-level", "warning"]
    try:
        with running(command, PROGRAMS, environment, (os.cpu_count() or 1) - 1, on.pid) as process:
            watchdog = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
            watchdog.start()
            try:
                marks: dict[int, Mark] = {}
                at_rest = 0
                for mark in process.marks():
                    marks[mark.messages] = mark
                    at_rest = at_rest or resident_bytes(process.pid)
                    if mark.messages == case.messages:
                        break
                held = resident_bytes(process.pid)
            finally:
                watchdog.cancel()
    finally:
        for queue in queues:
            delete(on.url, queue)
    if case.kind is Kind.MEMORY:
        return (held - at_rest) / case.messages - case.body, at_rest
    warm, last = marks[case.messages // 10], marks[case.messages]
    return (last.cpu - warm.cpu) / (last.messages - warm.messages) * 1e6, at_rest


def _table(figures: dict[Case, list[float]], idle: float) -> str:
    lines = ["| | CPU µs a message | against | |", "|---|---|---|---|"]
    for case, costs in figures.items():
        if case.kind is Kind.MEMORY:
            lines.append(f"| {case.name} | {median(costs):,.0f} bytes each, beyond the body | | |")
            continue
        compared = next(each for each in figures if each.kind is case.kind and each.size == COMPARED_WITH[case.kind])
        ratios = [cost / other for cost, other in zip(costs, figures[compared], strict=True)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"| {case.name} | {median(costs):.1f} | {compared.size:,} | {spread} |")
    return "\n".join([*lines, f"| the process, when its first message is handled | {idle / 1e6:.1f} MB | | |"])


if __name__ == "__main__":
    main()
