"""`python -m bench.hand_over`: what it costs to run a plain handler elsewhere, beside what Python's own executors take.

Rounds in turn, in one process; CPU time of all threads (and for processes wall time too), in µs a call.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from statistics import median

from consumer.core.delivery import Message
from consumer.delivery import Draining
from consumer.engine.processes.naming import program
from consumer.engine.processes.pool import Processes
from consumer.engine.threads import Threads

CALLS = 2000
Handing = Callable[[], Awaitable[object]]


def nothing(_body: bytes = b"") -> None:
    """The handler."""


def no_preparation() -> None:
    """What a child does before it imports the handler."""


async def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="default: 7")
    rounds: int = parser.parse_args().rounds
    loop = asyncio.get_running_loop()
    threads, message = Threads(4, "bench"), Message(b"x" * 200, "bench")
    processes = Processes(1, "bench", program(nothing, "nothing", no_preparation))
    await processes.open(Draining(), print)
    with ThreadPoolExecutor(4) as thread_pool, ProcessPoolExecutor(1) as process_pool:
        kinds: dict[str, Handing] = {
            "a thread, ours": lambda: threads.run(nothing),
            "a thread, ThreadPoolExecutor": lambda: loop.run_in_executor(thread_pool, nothing),
            "a process, ours": lambda: processes.run(message, None),
            "a process, ProcessPoolExecutor": lambda: loop.run_in_executor(process_pool, nothing, message.body),
        }
        figures = [{name: await _measured(hand) for name, hand in kinds.items()} for _ in range(rounds)]
    threads.close()
    await processes.close()
    for name in kinds:
        cpu, wall = (median(each[name][of] for each in figures) for of in (0, 1))
        print(f"{name:34} {cpu:7.1f} µs CPU here {wall:7.1f} µs")
    for what in ("thread", "process"):
        ours, theirs = (name for name in kinds if what in name.split(",", maxsplit=1)[0])
        for number, unit in enumerate(("CPU", "time")):
            ratios = [each[ours][number] / each[theirs][number] for each in figures]
            print(f"{what}, {unit}, ours of theirs: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


async def _measured(hand: Handing) -> tuple[float, float]:
    await hand()  # whatever is started at the first one
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(CALLS):
        await hand()
    return (time.process_time() - cpu) / CALLS * 1e6, (time.perf_counter() - wall) / CALLS * 1e6


if __name__ == "__main__":
    asyncio.run(main())
