"""This library: background tasks are cancelled when the drain begins, but for stretches inside `worker.shield`."""

import asyncio
from collections.abc import Callable, Coroutine

from consumer import Worker
from consumer.core.events import Event
from consumer.testing.fake import FakeBroker
from examples.shielding.job import LENGTH, say, signal_after_a_second

worker = Worker(broker=FakeBroker())


@worker.handler("orders")
async def charge(_order: dict[str, object]) -> None:
    """Handlers are always shielded."""


async def job(name: str) -> None:
    try:
        await asyncio.sleep(LENGTH)
        say(f"{name} finished")
    except asyncio.CancelledError:
        say(f"{name} cancelled")
        raise


def in_the_background(number: int, *, shielded: bool) -> Callable[[], Coroutine[None, None, None]]:
    async def task() -> None:
        await (worker.shield(job(f"shielded {number}")) if shielded else job(f"unshielded {number}"))

    return task


@worker.observe
def tell(event: Event) -> None:
    if event.name == "drain_started":
        say("told to stop")


for each in (1, 2, 3):
    worker.background(in_the_background(each, shielded=True))
    worker.background(in_the_background(each, shielded=False))

if __name__ == "__main__":
    signal_after_a_second()
    code = worker.run()
    say("the end")
    raise SystemExit(code)
