"""The same worker under each host, as a program: `python programs.py HOST`. The event stream goes to standard output.

May know: what a user of the package knows. May not know: the package's insides, the tests.

SIGUSR1 calls stop(), SIGUSR2 cancels the task (in trio the scope) that awaits serve(). With SWEEP set, from the drain's
beginning to its end every task of the loop is cancelled ten times a second; with CTRL_C_AGAIN set, SIGINT comes while
the loop idles; with EXITS set, SIGUSR1 calls sys.exit(7) in a callback of the loop.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import aiorun
import anyio
import anyio.to_thread
import trio
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


async def work(job: Job, delivery: Delivery) -> None:
    """In tasks of its own, and with a connection that is opened when the loop is swept."""
    async with asyncio.timeout(60):
        await asyncio.gather(asyncio.create_task(BEHAVIOURS[job.do]()))
    await delivery.publish(b"done", routing_key=f"{delivery.queue}.parked")


async def work_in_trio(job: Job, delivery: Delivery) -> None:
    """In a nursery of its own, and in a trio task that whoever sweeps asyncio's tasks doesn't see."""
    assert job.do == "hold"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold_in_trio)
    await delivery.publish(b"done", routing_key=f"{delivery.queue}.parked")


async def hold_in_trio() -> None:
    """Until the test opens its gate."""
    async with await trio.open_tcp_stream("127.0.0.1", int(os.environ["GATE"])) as stream:
        await stream.receive_some()


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


async def work_in_anyio(job: Job, delivery: Delivery) -> None:
    """Wherever it runs, by what anyio finds there."""
    assert job.do == "hold"
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hold_in_anyio)
            await anyio.to_thread.run_sync(os.getpid)
            await anyio.sleep(0.01)
    await delivery.publish(b"done", routing_key=f"{delivery.queue}.parked")


async def hold_in_anyio() -> None:
    """Until the test opens its gate."""
    async with await anyio.connect_tcp("127.0.0.1", int(os.environ["GATE"])) as stream:
        with suppress(anyio.EndOfStream):
            await stream.receive()


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
        sys.stderr.write("what aiorun waits for has ended\n")

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
        sys.stderr.write("a request is held\n")
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


def under_trio() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop_on_sigterm)
            cancelling[0] = cancellation(nursery.cancel_scope)
            await worker.serve_trio()
            nursery.cancel_scope.cancel()

    try:
        trio.run(main, restrict_keyboard_interrupt_to_checkpoints=True)
    except* KeyboardInterrupt:  # in the group that the nursery makes of it
        pass


def under_trio_alone() -> None:
    trio.run(worker.serve_trio)


def under_trio_alone_with_tasks_of_handlers() -> None:
    """Ctrl+C could strike in one of those."""
    trio.run(worker.serve_trio, restrict_keyboard_interrupt_to_checkpoints=True)


async def stop_on_sigterm() -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            worker.stop("SIGTERM")


def cancellation(scope: trio.CancelScope) -> Callable[[], None]:
    token = trio.lowlevel.current_trio_token()
    return lambda: token.run_sync_soon(scope.cancel)


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
    "anyio": with_signal_handlers,
    "trio": under_trio,
    "trio-anyio": under_trio,
    "trio-handler": under_trio,
    "trio-handler-anyio": under_trio,
    "trio-alone": under_trio_alone,
    "trio-handler-alone": under_trio_alone_with_tasks_of_handlers,
    "uvicorn": under_uvicorn,
    "run": owning_everything,
}
cancelling: list[Callable[[], object]] = [lambda: loops[0].call_soon_threadsafe(cancel_serve)]

if __name__ == "__main__":
    stop_on(signal.SIGUSR1)
    if "EXITS" in os.environ:
        signal.signal(signal.SIGUSR1, lambda *_: loops[0].call_soon_threadsafe(sys.exit, 7))
    signal.signal(signal.SIGUSR2, lambda *_: cancelling[0]())
    host = sys.argv[1]
    executor: Literal["trio"] | None = "trio" if host.startswith("trio-handler") else None
    written = work_in_anyio if host.endswith("anyio") else work_in_trio if executor == "trio" else work
    worker.handler("jobs", concurrency=2, prefetch=4, executor=executor)(written)
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        HOSTS[host]()
    stream.close()
