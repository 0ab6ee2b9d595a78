"""Plain asyncio: the signal handler stops a wait, and the one who owns the tasks decides which to cancel."""

import asyncio
import signal

from examples.shielding.job import LENGTH, say, signal_after_a_second


async def job(name: str) -> None:
    try:
        await asyncio.sleep(LENGTH)
        say(f"{name} finished")
    except asyncio.CancelledError:
        say(f"{name} cancelled")
        raise


async def main() -> None:
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    shielded = [asyncio.create_task(job(f"shielded {number}")) for number in (1, 2, 3)]
    unshielded = [asyncio.create_task(job(f"unshielded {number}")) for number in (1, 2, 3)]
    await told_to_stop.wait()
    say("told to stop")
    for task in unshielded:
        task.cancel()
    await asyncio.wait([*shielded, *unshielded])


if __name__ == "__main__":
    signal_after_a_second()
    asyncio.run(main())
    say("the end")
