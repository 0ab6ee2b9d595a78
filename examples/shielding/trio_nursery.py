"""trio: the signal cancels a nursery; what is inside a shielded cancel scope doesn't see that."""

import signal

import trio

from examples.shielding.job import LENGTH, say, signal_after_a_second


async def job(name: str) -> None:
    try:
        await trio.sleep(LENGTH)
        say(f"{name} finished")
    except trio.Cancelled:
        say(f"{name} cancelled")
        raise


async def shielded(name: str) -> None:
    with trio.CancelScope(shield=True):
        await job(name)


async def main() -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            for number in (1, 2, 3):
                nursery.start_soon(shielded, f"shielded {number}")
                nursery.start_soon(job, f"unshielded {number}")
            async for _ in signals:
                say("told to stop")
                nursery.cancel_scope.cancel()
                break


if __name__ == "__main__":
    signal_after_a_second()
    trio.run(main)
    say("the end")
