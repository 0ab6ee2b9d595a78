"""What counting costs a message: the adding alone, beside the whole of the engine's way, in one run.

    python -m bench.observe_cost [--rounds 5] [--messages 20000]

The engine runs on a broker that is a plain object: a delivery is handed to the dispatcher, its handler returns, it is
acked. The cost of the client and of the socket comes on top of that, so the share of a real message is smaller.
"""

import argparse
import asyncio
import statistics
from collections.abc import Callable
from time import monotonic, perf_counter, process_time

from consumer import Settings, Worker
from consumer.core.ledger import Entry
from consumer.core.tally import Tally
from consumer.testing.fake import FakeBroker

BODY = b'{"id": "o1", "cents": 4200}'


def counting(messages: int) -> float:
    """Seconds of CPU for what is added for each message that waited in prefetch: the dearest way."""
    began = monotonic()  # the clock is read at a handler's start and end in any case
    tally, by_queue, entry = Tally(), {"orders": Tally()}, Entry(1, 1, None)  # type: ignore[arg-type]  # not looked at

    def one() -> None:
        tally.received += 1
        entry.waiting_since = monotonic()
        if entry.waiting_since is not None:
            tally.waits.add(began - entry.waiting_since)
            entry.waiting_since = None
        entry.since = began
        tally.completions.add(0.0001)
        by_queue["orders"].ended["completed"] += 1

    return _timed(one, messages) - _timed(lambda: None, messages)


def _timed(call: Callable[[], object], times: int) -> float:
    began = process_time()
    for _ in range(times):
        call()
    return process_time() - began


async def engine(messages: int) -> float:
    """Seconds of CPU for as many messages from their arrival to their ack, the fake broker's own part included."""
    broker, done = FakeBroker(), asyncio.Event()
    worker = Worker(Settings.load(amqp_url="amqp://guest:guest@127.0.0.1/"), broker=broker)
    handled = 0

    @worker.handler("orders", concurrency=50, prefetch=100)
    async def work(_: dict[str, object]) -> None:
        nonlocal handled
        handled += 1
        if handled == messages:
            done.set()

    for number in range(messages):
        broker.put("orders", BODY, message_id=f"m{number}")
    began = process_time()
    serving = asyncio.create_task(worker.serve())
    await done.wait()
    took = process_time() - began
    worker.stop()
    await serving
    return took


def main() -> None:
    """Measure in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    began, shares = perf_counter(), []
    for number in range(options.rounds):
        added, whole = counting(options.messages), asyncio.run(engine(options.messages))
        shares.append(added / whole)
        each = 1e6 / options.messages
        print(f"round {number + 1}: {added * each:.2f} µs of {whole * each:.1f} µs a message, {added / whole:.1%}")
    print(f"median {statistics.median(shares):.1%} ({perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
