"""Background tasks are cancelled when the drain begins; a shielded stretch of one is waited for."""

import asyncio

from tests.engine.stage import Stage, turns, within


async def test_a_background_task_is_cancelled_at_the_drains_begin_while_handlers_run_on(stage: Stage) -> None:
    cancelled = asyncio.Event()

    @stage.worker.background
    async def poll() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await within(cancelled.wait())
    assert stage.handling.ended == []
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0


async def test_a_shielded_stretch_is_waited_for(stage: Stage) -> None:
    inside, go, story = asyncio.Event(), asyncio.Event(), []

    async def flush() -> None:
        inside.set()
        await go.wait()
        story.append("flushed")

    @stage.worker.background
    async def poll() -> None:
        try:
            await stage.worker.shield(flush())
        finally:
            story.append("cancelled")

    stage.handle()
    await stage.running()
    await within(inside.wait())
    stage.worker.stop()
    await stage.told("drain_started")
    await turns()
    assert story == ["cancelled"]
    assert stage.of("drain_finished") == []
    go.set()
    assert (await stage.report()).exit_code == 0
    assert story == ["cancelled", "flushed"]


async def test_a_stretch_that_is_shielded_only_after_the_drain_has_begun_is_waited_for(stage: Stage) -> None:
    story = []

    async def flush() -> None:
        await turns()
        story.append("flushed")

    @stage.worker.background
    async def poll() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await stage.worker.shield(flush())

    stage.handle()
    await stage.running()
    assert (await stage.drained()).exit_code == 0
    assert story == ["flushed"]


async def test_a_shielded_stretch_that_outlives_the_deadline_is_cancelled_and_named_among_the_orphans(
    stage: Stage,
) -> None:
    stage.make(drain_timeout=0.05)
    inside, cut = asyncio.Event(), asyncio.Event()

    async def flush() -> None:
        inside.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    @stage.worker.background
    async def poll() -> None:
        await stage.worker.shield(flush())

    stage.handle()
    await stage.running()
    await within(inside.wait())
    report = await within(stage.drained(), 2)
    assert (report.exit_code, report.orphans) == (3, ["lastcall background poll"])
    assert cut.is_set()


async def test_one_that_fails_is_told_and_harms_nobody(stage: Stage) -> None:
    @stage.worker.background
    async def poll() -> None:
        raise ValueError("broken")

    stage.handle()
    await stage.running()
    await stage.told("background_failed")
    assert "broken" in str(stage.of("background_failed")[0].data["error"])
    assert (await stage.drained()).exit_code == 0


async def test_one_that_will_not_go_holds_nobody(stage: Stage) -> None:
    released = asyncio.Event()

    @stage.worker.background
    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    stage.handle()
    await stage.running()
    assert (await within(stage.drained(), 3)).exit_code == 0
    released.set()
    await turns()
