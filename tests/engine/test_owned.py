"""Owned tasks and the host's own: the factory composes with whatever is there, and touches no task that isn't ours."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack
from contextvars import Context, ContextVar, copy_context
from typing import Any

import pytest

from consumer.engine.owned import Owned, Owner

word: ContextVar[str] = ContextVar("word", default="")
since_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")


class HostsTask(asyncio.Task[Any]):
    pass


def hosts_factory(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> HostsTask:
    return HostsTask(work, loop=loop, **options)


@pytest.fixture
async def loop() -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()
    yield loop
    assert loop.get_task_factory() is None, "a test, or an owner, has left a factory behind"


def owner() -> Owner:
    return Owner(on_interrupt=lambda: None)


async def nothing() -> None:
    """Ends at its first step."""


async def kind(task: "asyncio.Task[Any]") -> type:
    await task
    return type(task)


async def test_only_tasks_of_the_owners_code_are_owned(loop: Any) -> None:
    loop.set_task_factory(hosts_factory)

    async def engine() -> list[type]:
        inner = [await kind(asyncio.create_task(nothing())), await kind(asyncio.ensure_future(nothing()))]
        empty_context = loop.create_task(nothing(), context=Context())
        return [*inner, await kind(empty_context), await kind(mine.free(nothing(), "free"))]

    mine = owner()
    running = mine.begin(engine(), "engine")
    assert await kind(asyncio.create_task(nothing())) is HostsTask
    assert await running == [Owned, Owned, HostsTask, HostsTask]
    assert loop.get_task_factory() is hosts_factory
    loop.set_task_factory(None)


async def test_without_a_factory_of_the_hosts_its_tasks_are_plain(loop: Any) -> None:
    running = owner().begin(asyncio.sleep(0.01), "engine")
    task = asyncio.create_task(nothing(), name="mine")
    assert (type(task), task.get_name()) == (asyncio.Task, "mine")
    await task
    await running


async def test_owned_tasks_keep_names_and_contexts(loop: Any) -> None:
    word.set("outside")
    mine = owner()
    assert mine.guarded(nothing(), "a").get_name() == "a"

    async def said() -> str:
        return word.get()

    async def engine() -> list[str]:
        word.set("engine")
        special = copy_context()
        special.run(word.set, "special")
        inner = asyncio.create_task(said(), name="inner")
        assert inner.get_name() == "inner"
        return [
            await inner,
            await loop.create_task(said(), context=special),
            await mine.guarded(said(), "guarded"),
            await mine.guarded(said(), "guarded", special),
            await mine.free(said(), "free"),
        ]

    assert await mine.begin(engine(), "engine") == ["engine", "special", "outside", "special", "outside"]


async def test_two_owners_on_one_loop_in_any_order_leave_it_as_it_was(loop: Any) -> None:
    loop.set_task_factory(hosts_factory)
    first, second = asyncio.Event(), asyncio.Event()
    one, two = owner().begin(first.wait(), "one"), owner().begin(second.wait(), "two")
    first.set()
    await one
    two.cancel()
    await asyncio.sleep(0)
    assert not two.done(), "what one has let go of, the other still owns"
    second.set()
    await two
    assert loop.get_task_factory() is hosts_factory
    loop.set_task_factory(None)


async def test_one_engine_cannot_cancel_anothers_tasks(loop: Any) -> None:
    gate = asyncio.Event()
    one = owner().begin(gate.wait(), "one")

    async def other() -> bool:
        return one.cancel()

    assert not await owner().begin(other(), "two")
    gate.set()
    assert await one


async def test_a_factory_that_the_host_puts_over_ours_stays(loop: Any) -> None:
    gate = asyncio.Event()

    async def engine() -> type:
        await gate.wait()
        return await kind(asyncio.create_task(nothing()))

    running = owner().begin(engine(), "engine")
    ours: Any = loop.get_task_factory()

    def over(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> Any:
        return ours(loop, work, **options)

    loop.set_task_factory(over)
    gate.set()
    assert await running is Owned
    assert loop.get_task_factory() is over
    assert await kind(asyncio.create_task(nothing())) is asyncio.Task
    loop.set_task_factory(None)


@since_3_12
@pytest.mark.parametrize("own_constructor", [False, True])
async def test_where_the_hosts_tasks_are_eager_so_are_a_handlers_and_not_the_engines(
    loop: Any, own_constructor: bool
) -> None:
    eager: Any = getattr(asyncio, "eager_task_factory")  # noqa: B009 - mypy reads this file as Python 3.11
    make: Any = getattr(asyncio, "create_eager_task_factory")  # noqa: B009 - as above
    loop.set_task_factory(make(HostsTask) if own_constructor else eager)
    mine = owner()
    gate = asyncio.Event()

    async def handler() -> tuple[bool, bool]:
        task = asyncio.create_task(nothing())
        waits = asyncio.create_task(gate.wait())
        leftovers.append(waits)
        return isinstance(waits, Owned), task.done()

    async def engine() -> tuple[bool, tuple[bool, bool]]:
        task = asyncio.create_task(nothing())
        at_once = task.done()
        return at_once, await mine.guarded(handler(), "handler")

    leftovers: list[asyncio.Task[Any]] = []
    assert await mine.begin(engine(), "engine") == (False, (True, True))
    assert asyncio.create_task(nothing()).done()
    gate.set()
    await asyncio.gather(*leftovers)
    loop.set_task_factory(None)


async def test_an_interrupt_of_the_loop_is_told_once_each(loop: Any) -> None:
    told: list[str] = []
    mine = Owner(lambda: told.append("interrupted"))
    gate = asyncio.Event()
    running = mine.begin(gate.wait(), "engine")
    other = mine.guarded(gate.wait(), "handler")
    running.cancel()
    assert told == []

    def close_the_host(*_: object) -> bool:
        return not any(task.cancel() for task in (running, other))

    for _ in range(2):
        with ExitStack() as host:
            host.push(close_the_host)
            raise KeyboardInterrupt
    assert told == ["interrupted"] * 2
    gate.set()
    await asyncio.gather(running, other)
