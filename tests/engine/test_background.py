"""Background tasks are cancelled when the drain begins; a shielded stretch of one is waited for."""

import asyncio
from typing import Any

import pytest

from consumer.engine.background import OnCrash
from consumer.errors import ConfigurationError, LastcallError
from tests.engine.hours import JumpingLoop
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


async def test_a_crash_that_is_to_stop_the_worker_drains_it_and_is_what_serve_raises(stage: Stage) -> None:
    crash = asyncio.Event()

    @stage.worker.background(on_crash="stop")
    async def lease() -> None:
        await crash.wait()
        raise ValueError("expired")

    stage.handle()
    stage.put("a")
    await stage.running("a")
    crash.set()
    await stage.told("drain_started")
    assert stage.of("drain_started")[0].data["reason"] == "a background task crashed"
    stage.handling.finish("a")
    with pytest.raises(LastcallError, match="lastcall background lease crashed: ValueError"):
        await stage.report()
    assert stage.worker.report is not None
    assert (stage.worker.report.exit_code, stage.worker.report.finished) == (1, 1)
    assert len(stage.of("background_failed")) == 1


async def test_a_crash_in_what_a_cancelled_task_cleans_up_is_told_and_no_failure(stage: Stage) -> None:
    @stage.worker.background(on_crash="stop")
    async def poll() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("broken")

    stage.handle()
    await stage.running()
    await turns()
    assert (await stage.drained()).exit_code == 0
    assert len(stage.of("background_failed")) == 1


class Runs:
    """A periodic task on a clock that jumps: when each run began, and how long each takes."""

    def __init__(self, *seconds: float) -> None:
        self.began: list[float] = []
        self.at_once = self.most_at_once = 0
        self.cancelled = False
        self._seconds = iter(seconds)

    async def run(self) -> None:
        self.began.append(asyncio.get_running_loop().time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(next(self._seconds))
        except StopIteration:
            raise ValueError("broken") from None
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.at_once -= 1


def played(runs: Runs, seconds: float, on_crash: OnCrash = "report") -> Stage:
    """A worker with that task every ten seconds, stopped after so many seconds."""

    async def play() -> Stage:
        stage = Stage()
        stage.worker.background(every=10, on_crash=on_crash)(runs.run)
        stage.handle()
        await stage.running()
        await asyncio.sleep(seconds)
        stage.worker.stop()
        await asyncio.wait({stage.serving})
        return stage

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(play())


@pytest.mark.usefixtures("bare_environment")
def test_a_periodic_task_runs_at_once_and_then_from_start_to_start_and_never_beside_itself() -> None:
    runs = Runs(0, 4, 25, 0, 99)
    stage = played(runs, 60)
    first = runs.began[0]
    assert [began - first for began in runs.began] == [0, 10, 20, 45, 55]
    assert runs.most_at_once == 1
    assert runs.cancelled, "the drain ends the run that is under way"
    assert stage.serving.result().exit_code == 0


@pytest.mark.usefixtures("bare_environment")
def test_a_run_that_crashes_is_told_and_the_next_one_comes() -> None:
    runs = Runs(1)
    stage = played(runs, 35)
    assert len(runs.began) == 4
    assert len(stage.of("background_failed")) == 3
    assert stage.serving.result().exit_code == 0


@pytest.mark.usefixtures("bare_environment")
def test_a_run_that_crashes_ends_the_worker_where_that_is_wanted() -> None:
    stage = played(Runs(1), 35, "stop")
    assert isinstance(stage.serving.exception(), LastcallError)
    assert len(stage.of("background_failed")) == 1


@pytest.mark.parametrize("wrong", [{"every": 0}, {"every": -1}, {"every": float("inf")}, {"on_crash": "restart"}])
async def test_what_makes_no_sense_is_refused_where_it_is_written(stage: Stage, wrong: dict[str, Any]) -> None:
    async def poll() -> None: ...

    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        stage.worker.background(**wrong)(poll)


@pytest.mark.usefixtures("bare_environment")
def test_what_its_clean_up_shields_is_waited_for_as_well() -> None:
    async def play() -> None:
        stage, story = Stage(), []

        async def flush() -> None:
            await asyncio.sleep(30)
            story.append("flushed")

        @stage.worker.background
        async def poll() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await stage.worker.shield(flush())

        stage.handle()
        await stage.running()
        stage.worker.stop()
        report = await stage.serving
        assert (report.exit_code, report.orphans, story) == (0, [], ["flushed"])

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())


@pytest.mark.usefixtures("bare_environment")
def test_and_named_where_it_outlives_the_drain_timeout() -> None:
    async def play() -> None:
        stage = Stage()
        stage.make(drain_timeout=20)

        @stage.worker.background
        async def poll() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await stage.worker.shield(asyncio.sleep(30))

        stage.handle()
        await stage.running()
        stage.worker.stop()
        report = await stage.serving
        assert (report.exit_code, report.orphans) == (3, ["lastcall background poll"])

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())


async def test_a_task_that_awaits_what_somebody_else_has_cancelled_has_crashed(stage: Stage) -> None:
    @stage.worker.background(on_crash="stop")
    async def poll() -> None:
        other = asyncio.ensure_future(asyncio.Event().wait())
        other.cancel()
        await other

    stage.handle()
    stage.start()
    await stage.told("background_failed")
    with pytest.raises(LastcallError, match="poll crashed"):
        await stage.report()
