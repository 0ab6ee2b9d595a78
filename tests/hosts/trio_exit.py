"""A worker in trio, on the fake broker, whose loop a SystemExit ends before what somebody there publishes is begun.

May know: the worker, the fake broker, trio. May not know: what a test promises.

The first argument says who publishes. Prints what he is told.
"""

import asyncio
import sys

import trio

from consumer import Delivery, LastcallError, Settings, Worker
from consumer.testing.fake import FakeBroker

fake = FakeBroker()
worker = Worker(Settings.load(amqp_url="amqp://guest:guest@127.0.0.1/", blocked_after="none"), broker=fake)
loops: list[asyncio.AbstractEventLoop] = []


@worker.background
async def note_the_loop() -> None:
    loops.append(asyncio.get_running_loop())


@worker.handler("orders", executor="trio")
async def work(delivery: Delivery) -> None:
    end_the_loop()
    if publisher == "handler":
        await publish()
    elif publisher == "cancelled before":
        with trio.CancelScope() as scope:
            scope.cancel()
            await publish()
    elif publisher == "cleaning up":
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await publish()


def end_the_loop() -> None:
    loops[0].call_soon(sys.exit, 7)


async def publish() -> None:
    try:
        await worker.publish(b"", routing_key="receipts")
    except LastcallError as error:
        print(f"LastcallError: {error}")
    except trio.Cancelled:
        print("Cancelled")
        raise


async def beside() -> None:
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.serve_trio)
            while not loops:
                await trio.lowlevel.checkpoint()
            end_the_loop()
            await publish()
    except BaseExceptionGroup as group:  # not except*: what is raised there comes in a group on Python 3.11.2
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


if __name__ == "__main__":
    publisher = sys.argv[1]
    if publisher == "task beside it":
        trio.run(beside)
    else:
        fake.put("orders", message_id="a")
        trio.run(worker.serve_trio)
