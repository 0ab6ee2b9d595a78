"""Where returns count and a limit is near, a message goes back as a confirmed copy, with its count begun anew."""

import asyncio

import pytest

from consumer import Delivery, PublishFailed, Requeue
from consumer.testing.fake import FakeBroker
from tests.engine.stage import Stage, turns, within

NEAR, FAR = {"x-delivery-count": 10}, {"x-delivery-count": 9}


@pytest.fixture
def foreign(stage: Stage) -> Stage:
    """A queue that somebody else declared, with RabbitMQ 4.0's default limit of 20."""
    stage.fake = FakeBroker(version=(4, 0))
    stage.fake.declare("orders", {"x-queue-type": "quorum"})
    stage.make()
    return stage


async def test_a_drain_saves_what_is_near_and_nacks_the_rest(foreign: Stage) -> None:
    foreign.handle(concurrency=1, prefetch=4)
    foreign.put("a")
    foreign.put("b", "d", headers=NEAR)
    foreign.put("c", headers=FAR)
    await foreign.running("a")
    await foreign.told("received", 4)
    foreign.worker.stop()
    await foreign.told("settled", 2)
    foreign.handling.finish("a")
    report = await foreign.report()
    assert (report.exit_code, foreign.ids("requeued")) == (0, ["c"])
    assert [event.data["outcome"] for event in foreign.of("settled")] == ["saved", "saved", "completed"]
    assert foreign.ready() == ["c", "b", "d"]
    assert [message.returns for message in foreign.fake.ready("orders")] == [9, 0, 0]
    assert [message.attempt for message in foreign.fake.ready("orders")] == [1, 1, 1]


async def test_the_copy_is_confirmed_before_the_original_is_acked(foreign: Stage) -> None:
    foreign.handle(concurrency=1, prefetch=2)
    foreign.put("a", "b", headers=NEAR)
    await foreign.running("a")
    await foreign.told("received", 2)
    gate = foreign.fake.hold("confirm")
    foreign.worker.stop()
    await within(gate.reached)
    await turns()
    assert set(foreign.unacked()) == {"a", "b"}
    gate.open()
    foreign.handling.finish("a")
    assert (await foreign.report()).exit_code == 0


async def test_without_a_confirm_it_is_nacked_and_told(foreign: Stage) -> None:
    foreign.handle(concurrency=1, prefetch=2)
    foreign.put("a", "b", headers=NEAR)
    await foreign.running("a")
    await foreign.told("received", 2)
    foreign.fake.fail("confirm", PublishFailed("not now"))
    foreign.worker.stop()
    await foreign.told("requeued")
    assert foreign.of("saving_failed")[0].data == {"returns": 10, "error": "not now"}
    foreign.handling.finish("a")
    await foreign.report()
    assert foreign.ready() == ["b"]


async def test_a_confirm_that_does_not_come_in_time_ends_in_a_nack(foreign: Stage) -> None:
    foreign.make(drain_timeout=0.05)
    foreign.handle(concurrency=1, prefetch=2)
    foreign.put("a", "b", headers=NEAR)
    await foreign.running("a")
    await foreign.told("received", 2)
    foreign.fake.hold("confirm")
    report = await foreign.drained()
    assert report.orphans == ["a"]
    assert foreign.ids("requeued").count("b") == 1


async def test_requeue_from_a_handler_saves_it_too(foreign: Stage) -> None:
    counts = []

    @foreign.worker.handler("orders", concurrency=1)
    async def work(delivery: Delivery) -> None:
        counts.append(delivery.headers.get("x-delivery-count", 0))
        if len(counts) == 1:
            raise Requeue

    foreign.put("a", headers=NEAR)
    foreign.start()
    await foreign.told("settled", 2)
    assert counts == [10, 0]
    await foreign.drained()


@pytest.mark.parametrize(
    ("version", "arguments"),
    [
        ((4, 3), {"x-queue-type": "quorum"}),  # a nack is free
        ((4, 0), {"x-queue-type": "classic"}),  # no limit
        ((3, 10), {"x-queue-type": "quorum"}),  # no limit by default
        ((4, 0), {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}),  # ours
    ],
)
async def test_elsewhere_a_nack_is_all(stage: Stage, version: tuple[int, int], arguments: dict[str, object]) -> None:
    stage.fake = FakeBroker(version=version)
    stage.fake.declare("orders", arguments)
    stage.make()
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b", headers=NEAR)
    await stage.running("a")
    await stage.told("received", 2)
    stage.worker.stop()
    await stage.told("requeued")
    stage.handling.finish("a")
    await stage.report()
    assert (stage.ids("requeued"), stage.ready()) == (["b"], ["b"])


@pytest.mark.parametrize(
    ("version", "returns", "is_parked"), [((4, 3), 50, True), ((4, 3), 49, False), ((4, 0), 999, False)]
)
async def test_what_seems_to_end_its_workers_is_parked_unstarted(
    stage: Stage, version: tuple[int, int], returns: int, is_parked: bool
) -> None:
    stage.fake = FakeBroker(version=version)
    stage.make()
    started = asyncio.Event()

    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        started.set()

    stage.put("a", headers={"x-delivery-count": returns})
    stage.start()
    await stage.told("settled")
    assert (started.is_set(), len(stage.fake.ready("orders.parked"))) == (not is_parked, int(is_parked))
    await stage.drained()
