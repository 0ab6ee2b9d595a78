"""The same worker under each host, as a program: `python programs.py HOST`. The event stream goes to standard output.

May know: what a user of the package knows. May not know: the package's insides, the tests.

SIGUSR1 calls stop(), SIGUSR2 cancels the task that awaits serve(). With SWEEP set, from the drain's beginning to its
end every task of the loop is cancelled ten times a second; with CTRL_C_AGAIN set, SIGINT comes while the loop idles.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiorun
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consumer import Delivery, Worker
from consumer.core.events import Event
from consumer.observe.event_stream import EventStream
from tests.process.workers import BEHAVIOURS, Job

logging.getLogger("aiorun").setLevel(logging.ERROR)  # that it stops the loop is a warning to it

worker = Worker()
stream = EventStream("-", "programs")
worker.observe(stream)
loops: list[asyncio.AbstractEventLoop] = []
logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing"))  # the machine is busy


@worker.handler("jobs", concurrency=2, prefetch=4)
async def work(job: Job, delivery: Delivery) -> None:
    """In tasks of its own, and with a connection that is opened when the loop is swept."""
    async with asyncio.timeout(60):
        await asyncio.gather(asyncio.create_task(BEHAVIOURS[job.do]()))
    await delivery.publish(b"done", routing_key=f"{delivery.queue}.parked")


@worker.observe
def on_event(event: Event) -> None:
    if event.name == "connected":
        loops.append(asyncio.get_running_loop())
    if event.name == "drain_started" and "SWEEP" in os.environ:
        sweep()
    if event.name == "drain_started" and "CTRL_C_AGAIN" in os.environ:
        loops[0].call_later(0.2, os.kill, os.getpid(), signal.SIGINT)


def sweep() -> None:
    for task in asyncio.all_tasks():
        if "wait_for_cancelled_tasks" not in repr(task.get_coro()):  # aiorun's own last one
            task.cancel("swept")
    loops[0].call_later(0.1, sweep)


def cancel_serve() -> None:
    """Whichever task awaits it: the host's main task, or one of its own."""
    for task in asyncio.all_tasks():
        if {"Worker.serve", "main", "wrapper"} & {name.split(".<locals>.")[-1] for name in awaits(task)}:
            task.cancel()


def awaits(task: "asyncio.Task[Any]") -> set[str]:
    """The name of its coroutine; uvloop wraps that of its caller in one."""
    return {str(getattr(task.get_coro(), "__qualname__", ""))}


def stop_on(*numbers: signal.Signals) -> None:
    for number in numbers:
        signal.signal(number, lambda number, _frame: worker.stop(signal.Signals(number).name))


def plain() -> None:
    with suppress(asyncio.CancelledError):
        asyncio.run(worker.serve())


def on_uvloop() -> None:
    uvloop.run(worker.serve())


def on_uvloop_by_a_factory() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(worker.serve())


def with_signal_handlers() -> None:
    async def main() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop, number.name)
        await worker.serve()

    asyncio.run(main())


def main_that_returns() -> None:
    async def main() -> None:
        left = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, left.set)
        serving = asyncio.create_task(worker.serve())
        await left.wait()
        assert not serving.done()

    asyncio.run(main())


def main_that_raises() -> None:
    async def main() -> None:
        left = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, left.set)
        serving = asyncio.create_task(worker.serve())
        await left.wait()
        raise ZeroDivisionError(f"{serving.done()}")

    with suppress(ZeroDivisionError):
        asyncio.run(main())


def under_aiorun() -> None:
    aiorun.run(served_and_left())


def under_aiorun_with_uvloop() -> None:
    aiorun.run(served_and_left(), use_uvloop=True)


def under_aiorun_with_a_callback() -> None:
    aiorun.run(served_and_left(), shutdown_callback=lambda _loop: worker.stop("shutdown_callback"))


def under_aiorun_beside_what_it_waits_for() -> None:
    async def beside() -> None:
        await BEHAVIOURS["hold"]()
        print("what aiorun waits for has ended", file=sys.stderr)

    async def main() -> None:
        waiting = aiorun.shutdown_waits_for(beside())  # type: ignore[no-untyped-call]  # aiorun has no annotation here
        waited_for = asyncio.create_task(waiting)
        cancelled = asyncio.create_task(asyncio.Event().wait())
        await served_and_left()
        await asyncio.gather(waited_for, cancelled)

    aiorun.run(main())


async def served_and_left() -> None:
    """Aiorun's loop runs on when its coroutine has ended."""
    await worker.serve()
    asyncio.get_running_loop().stop()


def under_uvicorn() -> None:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with worker.running():
            yield

    async def held(_request: Request) -> Response:
        print("a request is held", file=sys.stderr)
        await BEHAVIOURS["hold"]()
        return Response("done")

    uvicorn.run(
        Starlette(lifespan=lifespan, routes=[Route("/held", held)]),
        uds="app.sock",
        log_level=os.environ.get("UVICORN_LOG", "error"),
        timeout_graceful_shutdown=int(os.environ["GRACEFUL"]) if "GRACEFUL" in os.environ else None,
    )


def owning_everything() -> None:
    sys.exit(worker.run())


def in_a_thread() -> None:
    stop_on(signal.SIGTERM, signal.SIGINT)
    thread = threading.Thread(target=plain)
    thread.start()
    thread.join()


HOSTS = {
    "asyncio": plain,
    "uvloop": on_uvloop,
    "uvloop-factory": on_uvloop_by_a_factory,
    "handlers": with_signal_handlers,
    "returns": main_that_returns,
    "raises": main_that_raises,
    "aiorun": under_aiorun,
    "aiorun-uvloop": under_aiorun_with_uvloop,
    "aiorun-callback": under_aiorun_with_a_callback,
    "aiorun-beside": under_aiorun_beside_what_it_waits_for,
    "thread": in_a_thread,
    "uvicorn": under_uvicorn,
    "run": owning_everything,
}

if __name__ == "__main__":
    stop_on(signal.SIGUSR1)
    signal.signal(signal.SIGUSR2, lambda *_: loops[0].call_soon_threadsafe(cancel_serve))
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        HOSTS[sys.argv[1]]()
    stream.close()
