"""Quiet means quiet, whatever it meets: a broker that is slow to answer, a lost connection, resume and quiet again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from consumer.core.lifecycle import Phase
from consumer.errors import BrokerAway, BrokerRefused, LastcallError
from consumer.testing.fake import FakeBroker
from tests.engine.hours import JumpingLoop
from tests.engine.stage import Stage, turns, within

NEAR = {"x-delivery-count": 10}
"""Half of what a queue of somebody else's allows on RabbitMQ 4.0: a return more, and it is saved by a copy."""


def jumping(play: Callable[[], Awaitable[None]]) -> None:
    """Where only timers make time go on: as many seconds as it likes."""

    async def played() -> None:
        await play()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(played())


def on_a_foreign_queue(**settings: object) -> Stage:
    stage = Stage()
    stage.fake = FakeBroker(version=(4, 0))
    stage.fake.declare("orders", {"x-queue-type": "quorum"})
    stage.make(**settings)
    return stage


async def test_what_comes_before_the_broker_confirms_the_consumer_is_not_started_once_quiet_is_asked(
    stage: Stage,
) -> None:
    stage.handle(concurrency=5, prefetch=5)
    gate = stage.fake.hold("consume")
    stage.start()
    await within(gate.reached)
    stage.worker.quiet()
    await turns(3)
    stage.put("a", "b", "c")
    await turns(20)
    gate.open()
    await stage.told("quieted")
    assert stage.handling.started == []
    assert stage.ready("orders") == ["a", "b", "c"]


async def test_nor_is_it_when_that_was_a_resume(stage: Stage) -> None:
    stage.handle(concurrency=5, prefetch=5)
    await stage.running()
    stage.worker.quiet()
    await stage.told("quieted")
    gate = stage.fake.hold("consume")
    stage.worker.resume()
    await within(gate.reached)
    stage.worker.quiet()
    await turns(3)
    stage.put("a", "b", "c")
    gate.open()
    await stage.told("quieted", 2)
    assert stage.handling.started == []


async def test_a_quiet_that_is_over_before_the_consumer_is_confirmed_leaves_nothing_unstarted(stage: Stage) -> None:
    stage.handle(concurrency=5, prefetch=5)
    gate = stage.fake.hold("consume")
    stage.start()
    await within(gate.reached)
    stage.worker.quiet()
    await turns(3)
    stage.worker.resume()
    stage.put("a")
    gate.open()
    await stage.running("a")
    stage.handling.finish("a")


async def test_it_is_quiet_once_every_queue_rests_by_the_same_wish(stage: Stage) -> None:
    stage.handle("orders")
    stage.handle("refunds")
    await stage.running()
    stage.worker.quiet()
    await stage.told("quieted")
    gate = stage.fake.hold("consume")  # one of the two, whichever comes first
    stage.worker.resume()
    await within(gate.reached)
    stage.worker.quiet()
    await turns(50)
    assert len(stage.of("quieted")) == 1
    gate.open()
    await stage.told("quieted", 2)
    assert stage.worker.phase is Phase.QUIET


@pytest.mark.parametrize("error", [BrokerAway("it restarts"), BrokerRefused("its virtual host is down")], ids=repr)
def test_a_worker_that_was_quiet_from_its_start_outlives_a_broker_that_restarts(
    bare_environment: Path, error: LastcallError
) -> None:
    async def play() -> None:
        stage = Stage()
        stage.make(reconnect_timeout="none", connect_timeout=0.01)
        stage.handle()
        stage.worker.quiet()
        stage.start()
        await stage.told("quieted")
        stage.fake.fail("connect", *[error] * 3)
        stage.fake.cut()
        await stage.told("quieted", 2)
        await stage.drained()

    jumping(play)


def test_a_copy_that_is_never_confirmed_does_not_keep_a_queue_from_being_consumed_again(
    bare_environment: Path,
) -> None:
    async def play() -> None:
        stage = on_a_foreign_queue()
        stage.handle(concurrency=1, prefetch=2)
        stage.put("a")
        stage.put("b", headers=NEAR)
        await stage.running("a")
        await stage.told("received", 2)
        stage.fake.hold("confirm")
        stage.worker.quiet()
        await stage.told("quieted")
        assert stage.ready("orders") == ["b", "b"], "and its copy, of which nobody could know"
        stage.worker.resume()
        stage.handling.finish("a")
        await stage.running("b")
        stage.handling.finish("b")

    jumping(play)


def test_a_stop_meanwhile_hands_back_by_nack_and_not_by_closing(bare_environment: Path) -> None:
    async def play() -> None:
        stage = on_a_foreign_queue(drain_timeout=60)
        stage.handle(concurrency=1, prefetch=4)
        stage.put("a")
        stage.put("b", "c", headers=NEAR)
        await stage.running("a")
        await stage.told("received", 3)
        gate = stage.fake.hold("confirm")
        stage.worker.quiet()
        await gate.reached
        stage.worker.stop()
        stage.handling.finish("a")
        report = await stage.serving
        assert (report.exit_code, report.orphans) == (0, [])
        assert stage.fake.returned_by_closing == []
        assert sorted(map(str, stage.ready("orders"))) == ["b", "b", "c", "c"], (
            "and their copies, of which nobody could know"
        )

    jumping(play)
