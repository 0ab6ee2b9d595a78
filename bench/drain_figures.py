"""How quickly a stopping worker hands back, finishes and leaves: real processes, a real broker, several rounds.

    python -m bench.drain_figures [--rounds 5]

Times come from the workers' own event streams (one monotonic clock on one machine) and from waitpid.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from consumer.broker.amqp import AmqpBroker
from consumer.broker.port import Tls
from consumer.core.delivery import Outgoing, Properties
from consumer.testing.brokers import provide

Record = dict[str, object]


class Process:
    """One `lastcall run`, with its event stream."""

    def __init__(self, target: str, url: str, prefix: str, folder: Path) -> None:
        self._events = folder / f"{uuid4().hex}.jsonl"
        self._events.touch()
        environment = os.environ | {"LASTCALL_AMQP_URL": url, "LASTCALL_QUEUE_PREFIX": prefix}
        command = [
            sys.executable,
            "-m",
            "consumer",
            "run",
            target,
            "--events",
            str(self._events),
            "--log-level",
            "error",
        ]
        self.process = subprocess.Popen(command, env=environment)

    def records(self, name: str) -> list[Record]:
        whole, _, _ = self._events.read_text().rpartition("\n")  # the last line may still be in the making
        lines = whole.splitlines()
        return [record for record in map(json.loads, lines) if record["event"] == name]

    def wait_for(self, name: str, count: int = 1) -> list[Record]:
        deadline = time.monotonic() + 60
        while len(found := self.records(name)) < count:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"waited for {count} x {name}, saw {len(found)}")
            time.sleep(0.02)
        return found

    def terminate(self) -> float:
        at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return at

    def exit(self) -> float:
        self.process.wait(60)
        return time.monotonic()


@contextmanager
def workers(url: str, folder: Path) -> Iterator[tuple[str, Callable[[str], Process]]]:
    """A queue prefix of its own and a way to start workers on it; nothing is left behind."""
    prefix, started = f"bench-{uuid4().hex[:8]}.", []

    def start(target: str) -> Process:
        started.append(Process(target, url, prefix, folder))
        return started[-1]

    try:
        yield prefix, start
    finally:
        for each in started:
            each.process.kill()
            each.process.wait()


def publish(url: str, queue: str, bodies: list[float]) -> None:
    async def send() -> None:
        publisher = AmqpBroker([url], name="bench", heartbeat=15, tls=Tls()).publisher()
        outgoing = [
            Outgoing(str(body).encode(), queue, properties=Properties(message_id=f"{n}"))
            for n, body in enumerate(bodies)
        ]
        await asyncio.gather(*(publisher.publish(each) for each in outgoing))
        await publisher.close()

    asyncio.run(send())


def at(record: Record) -> float:
    return float(str(record["monotonic"]))


def idle(url: str, folder: Path) -> dict[str, float]:
    with workers(url, folder) as (_, start):
        worker = start("bench.workers:five_at_once")
        worker.wait_for("consuming")
        told = worker.terminate()
        return {"idle worker: SIGTERM to exit": worker.exit() - told}


def busy(url: str, folder: Path) -> dict[str, float]:
    """20 prefetched, 5 in flight for 4 s, a second worker idle beside: the peers' scenario."""
    with workers(url, folder) as (prefix, start):
        stopping = start("bench.workers:five_at_once")
        stopping.wait_for("consuming")
        publish(url, f"{prefix}figures", [4.0] * 20)
        stopping.wait_for("received", 20)
        other = start("bench.workers:five_at_once")
        other.wait_for("consuming")
        told = stopping.terminate()
        left = stopping.exit()
        handed_over = other.wait_for("started", 5)
        finished, started = stopping.records("finished"), stopping.records("started")
        here = {str(each["message_id"]) for each in started}
        there = {str(each["message_id"]) for each in other.records("started")}
        return {
            "20 prefetched, 5 in flight: SIGTERM to first start elsewhere": at(handed_over[0]) - told,
            "  started here after the signal (count)": sum(at(each) > told for each in started),
            "  finished and acked here (count of 5)": len(stopping.records("settled")),
            "  run twice (count)": len(here & there),
            "  last handler's end to exit": left - max(map(at, finished)),
        }


def thousand(url: str, folder: Path) -> dict[str, float]:
    """1,000 prefetched on a quorum queue, one of them in flight: how soon another worker has the rest."""
    with workers(url, folder) as (prefix, start):
        stopping = start("bench.workers:one_at_once")
        stopping.wait_for("consuming")
        publish(url, f"{prefix}figures", [30.0] * 1000)
        stopping.wait_for("received", 1000)
        other = start("bench.workers:one_at_once")
        other.wait_for("consuming")
        told = stopping.terminate()
        received = other.wait_for("received", 999)
        return {
            "1,000 prefetched (quorum): SIGTERM to first received elsewhere": at(received[0]) - told,
            "  to all 999 received elsewhere": at(received[998]) - told,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    console = Console(stderr=True)
    figures: dict[str, list[float]] = {}
    with provide(say=console.print) as broker, tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            console.print(f"round {number + 1} of {rounds}")
            for scenario in (idle, busy, thousand):
                for name, value in scenario(broker.url, Path(folder)).items():
                    figures.setdefault(name, []).append(value)
        table = Table(
            "figure (seconds where no count)", "median", "worst", title=f"{broker.description}, {rounds} rounds"
        )
    for name, values in figures.items():
        table.add_row(name, f"{statistics.median(values):.4g}", f"{max(values):.4g}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
