"""aiorun: at a signal it cancels every task of the loop, but for those inside shutdown_waits_for."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import aiorun

from examples.shielding.job import LENGTH, say, signal_after_a_second


async def job(name: str) -> None:
    try:
        await asyncio.sleep(LENGTH)
        say(f"{name} finished")
    except asyncio.CancelledError:
        say(f"{name} cancelled")
        raise


def waited_for(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    waiting = aiorun.shutdown_waits_for(work)  # type: ignore[no-untyped-call]  # aiorun has no annotation here
    return asyncio.create_task(waiting)


async def main() -> None:
    shielded = [waited_for(job(f"shielded {number}")) for number in (1, 2, 3)]
    unshielded = [asyncio.create_task(job(f"unshielded {number}")) for number in (1, 2, 3)]
    await asyncio.gather(*shielded, *unshielded)


if __name__ == "__main__":
    logging.getLogger("aiorun").setLevel(logging.ERROR)
    signal_after_a_second()
    aiorun.run(main(), shutdown_callback=lambda _loop: say("told to stop"))
    say("the end")
