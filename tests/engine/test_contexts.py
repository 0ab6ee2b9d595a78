"""Context variables reach handlers: those of whoever started the worker, and those that its lifespan has set."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar

from consumer import Delivery
from tests.engine.stage import Stage, within

application: ContextVar[str] = ContextVar("application")
pool: ContextVar[str] = ContextVar("pool")
mine: ContextVar[str] = ContextVar("mine")


def seen() -> tuple[str, str, str]:
    return application.get("-"), pool.get("-"), mine.get("-")


async def test_handlers_threads_and_background_tasks_see_what_start_and_lifespan_have_set(stage: Stage) -> None:
    saw: dict[str, tuple[str, str, str]] = {}

    @stage.worker.lifespan
    async def lifespan() -> AsyncIterator[None]:
        pool.set("open")
        yield
        saw["lifespan's end"] = seen()

    @stage.worker.background
    async def poll() -> None:
        saw["background"] = seen()

    @stage.worker.handler("orders", concurrency=1)
    async def work(delivery: Delivery) -> None:
        saw[str(delivery.message_id)] = seen()
        mine.set(str(delivery.message_id))
        saw["after"] = await asyncio.create_task(asyncio.to_thread(seen))

    @stage.worker.handler("plain")
    def work_in_a_thread(delivery: Delivery) -> None:
        saw[str(delivery.message_id)] = seen()

    stage.put("a", "b")
    stage.put("c", queue="plain")
    application.set("shop")
    stage.start()
    await stage.told("settled", 3)
    await stage.drained()
    assert saw == {
        "a": ("shop", "open", "-"),
        "b": ("shop", "open", "-"),
        "after": ("shop", "open", "b"),
        "c": ("shop", "open", "-"),
        "background": ("shop", "open", "-"),
        "lifespan's end": ("shop", "open", "-"),
    }
    assert pool.get("-") == "-"


async def test_a_background_task_is_anybodys_whatever_the_lifespan_has_set(stage: Stage) -> None:
    """The lifespan's context says whose its own tasks are: that is not handed on."""
    tasks: list[asyncio.Task[None]] = []
    begun = asyncio.Event()

    @stage.worker.lifespan
    async def lifespan() -> AsyncIterator[None]:
        yield

    @stage.worker.background
    async def poll() -> None:
        tasks.append(asyncio.create_task(asyncio.sleep(3600)))
        begun.set()
        await tasks[0]

    stage.handle()
    await stage.running()
    await within(begun.wait())
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert tasks[0].cancelled()
    assert (await stage.drained()).exit_code == 0
