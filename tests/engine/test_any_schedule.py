"""Whatever happens in whichever order: no message is lost, none is run beside itself, none is settled twice."""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.settings import Settings
from consumer.testing.fake import FakeBroker
from consumer.worker import Worker
from tests.engine.conftest import assert_settled_at_most_once
from tests.engine.hours import JumpingLoop
from tests.engine.schedules import SCENES, STEPS, MemoryInbox, Play, Scene, Step
from tests.engine.stage import Stage, turns

DRAIN_TIMEOUT = 20.0


async def play(scene: Scene, schedule: list[tuple[Step, int]], drain: list[tuple[Step, int]]) -> None:
    stage = Stage()
    fake = FakeBroker(version=scene.version)
    fake.declare("orders", scene.arguments)
    loaded = Settings.load(amqp_url="amqp://guest:guest@127.0.0.1/", drain_timeout=DRAIN_TIMEOUT)
    worker = Worker(loaded, broker=fake)
    worker.observe(stage.note)
    play = Play(fake, stage, worker)
    worker.handler(
        "orders",
        concurrency=scene.concurrency,
        prefetch=scene.concurrency + scene.more_prefetch,
        retry=scene.policy,
        timeout=scene.timeout,
        on_lease_lost=scene.on_lease_lost,
        once=MemoryInbox() if scene.has_inbox else None,
    )(play.handle)
    serving = asyncio.create_task(worker.serve())
    for step, which in schedule:
        await play.step(step, which)
    await play.settle()
    steps = {step for step, _ in schedule}
    if "cancel" not in steps and not ("quiet" in steps and {"cut", "cut channel"} & steps):
        # (these may come between a copy and its confirm, or the ack that follows)
        check_that_each_is_in_one_place(play)
    if [step for step, _ in schedule if step in {"quiet", "resume"}][-1:] == ["quiet"]:
        worker.quiet()
        await turns(len(schedule))
    worker.stop()
    for step, which in drain:
        if not serving.done():
            await play.step(step, which)
    report = await serving
    assert report.seconds <= DRAIN_TIMEOUT + 1.0
    await turns()
    check(play)


def check_that_each_is_in_one_place(play: Play) -> None:
    """Completed, being worked, waiting, delayed or parked: no copy was made without need."""
    assert Counter([*play.messages(), *play.completed]) == Counter(play.names)


def check(play: Play) -> None:
    fake, events = play.fake, play.stage.events
    assert {*play.messages(), *play.completed} == {*play.names}, "lost"
    assert fake.unacked("orders") == [], "unsettled"
    assert play.beside_itself == []
    assert play.run_though_completed == []
    assert fake.protocol_errors == []
    assert [event for event in events if event.name == "defect"] == []
    assert play.stage.loop_problems == []
    assert_settled_at_most_once(play.stage)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)
@given(
    scene=SCENES,
    schedule=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 12)), min_size=8, max_size=40),
    drain=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 12)), max_size=8),
)
def test_nothing_is_lost_or_run_beside_itself(
    scene: Scene, schedule: list[tuple[Step, int]], drain: list[tuple[Step, int]]
) -> None:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play(scene, [("put", 0), ("put", 12), *schedule], drain))
