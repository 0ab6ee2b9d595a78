"""A handler that is written for trio runs to its end; only the engine cancels it, and waits for it, and says so."""

import asyncio
import signal

import pytest
import trio
import trio.lowlevel

from consumer import Delivery, Park, RetryPolicy
from consumer.core.headers import EXCEPTION, TRACEBACK
from tests.hosts.trio_stage import TrioStage, in_trio

TIDYING = 0.1
"""Seconds, of a clock that jumps; the engine waits 0.3 for what it has cancelled."""


class Held:
    """A handler that holds its messages until the test lets them go. When it is cancelled it takes its time to tidy."""

    def __init__(self) -> None:
        self.let_go = trio.Event()
        self.started: list[str | None] = []
        self.tidied: list[str | None] = []

    async def run(self, delivery: Delivery) -> None:
        self.started.append(delivery.message_id)
        try:
            await self.let_go.wait()
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await trio.sleep(TIDYING)
            self.tidied.append(delivery.message_id)
            raise


@in_trio
async def test_a_stop_lets_it_finish_and_hands_the_rest_back(trio_stage: TrioStage) -> None:
    held = Held()
    trio_stage.worker.handler("orders", executor="trio", concurrency=2, prefetch=4)(held.run)
    trio_stage.put("a", "b", "c", "d")
    async with trio_stage.serving():
        await trio_stage.told("started", 2)
        trio_stage.worker.stop()
        await trio_stage.told("requeued", 2)
        held.let_go.set()
    assert trio_stage.ids("settled") == ["a", "b"]
    assert trio_stage.ready() == ["c", "d"]
    assert held.tidied == []


@in_trio
async def test_when_the_drain_timeout_passes_it_is_cancelled_waited_for_requeued_and_named(
    trio_stage: TrioStage,
) -> None:
    held = Held()
    trio_stage.worker.handler("orders", executor="trio")(held.run)
    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("started")
    assert trio_stage.report is not None
    assert (int(trio_stage.report.exit_code), trio_stage.report.orphans) == (3, ["a"])
    assert held.tidied == ["a"]
    assert trio_stage.ids("orphaned") == ["a"]
    assert trio_stage.ready() == ["a"]


@in_trio
async def test_one_that_tidies_up_for_too_long_is_requeued_and_named_and_the_host_waits_for_it(
    trio_stage: TrioStage,
) -> None:
    let_go = trio.Event()
    ended: list[str] = []

    @trio_stage.worker.handler("orders", executor="trio")
    async def work(_delivery: Delivery) -> None:
        with trio.CancelScope(shield=True):
            await let_go.wait()
        ended.append("handler")

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("started")
        trio_stage.worker.stop_now()
        await trio_stage.told("drain_finished")
        assert (trio_stage.ready(), ended) == (["a"], [])
        let_go.set()
    assert trio_stage.report is not None
    assert trio_stage.report.orphans == ["a"]
    assert ended == ["handler"]


@in_trio
async def test_at_its_timeout_it_is_cancelled_and_waited_for_and_has_failed(trio_stage: TrioStage) -> None:
    held = Held()
    trio_stage.worker.handler("orders", executor="trio", timeout=2)(held.run)
    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
        assert held.tidied == ["a"]
    assert trio_stage.reason() == "HandlerTimeout: it ran longer than its timeout of 2 s"


@in_trio
async def test_one_that_swallows_its_cancellation_has_failed_all_the_same(trio_stage: TrioStage) -> None:
    @trio_stage.worker.handler("orders", executor="trio", timeout=2)
    async def work(_delivery: Delivery) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            return

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
    assert trio_stage.reason() == "HandlerTimeout: it ran longer than its timeout of 2 s"


@in_trio
async def test_a_lost_lease_cancels_it_where_it_asks_for_that(trio_stage: TrioStage) -> None:
    held = Held()
    trio_stage.worker.handler("orders", executor="trio", on_lease_lost="cancel")(held.run)
    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("started")
        trio_stage.fake.cut()
        await trio_stage.told("started", 2)
        assert held.tidied == ["a"]
        held.let_go.set()
    assert trio_stage.ids("settled") == ["a"]
    assert held.started == ["a", "a"]


@in_trio
async def test_else_it_outlives_its_lease_and_the_redelivery_joins_it(trio_stage: TrioStage) -> None:
    held = Held()
    trio_stage.worker.handler("orders", executor="trio")(held.run)
    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("started")
        trio_stage.fake.cut()
        await trio_stage.told("joined")
        held.let_go.set()
        await trio_stage.told("settled")
    assert (held.started, held.tidied) == (["a"], [])


@in_trio
async def test_what_it_raises_is_what_became_of_the_message(trio_stage: TrioStage) -> None:
    attempts = []

    @trio_stage.worker.handler("orders", executor="trio", retry=RetryPolicy(attempts=2, first_wait=0))
    async def work(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if delivery.attempt == 2:
            raise Park("no such customer")
        raise ZeroDivisionError

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
    assert attempts == [1, 2]
    assert trio_stage.reason() == "no such customer"


@in_trio
async def test_its_exceptions_keep_their_tracebacks(trio_stage: TrioStage) -> None:
    @trio_stage.worker.handler("orders", executor="trio")
    async def work(_delivery: Delivery) -> None:
        await where_it_went_wrong()

    async def where_it_went_wrong() -> None:
        raise ZeroDivisionError

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("settled")
    (parked,) = trio_stage.fake.ready("orders.parked")
    assert parked.properties.headers[EXCEPTION] == "ZeroDivisionError"
    assert "in where_it_went_wrong" in str(parked.properties.headers[TRACEBACK])


@in_trio
async def test_a_system_exit_in_it_ends_that_message_alone(trio_stage: TrioStage) -> None:
    @trio_stage.worker.handler("orders", executor="trio")
    async def work(delivery: Delivery) -> None:
        if delivery.message_id == "a":
            raise SystemExit(7)

    trio_stage.put("a", "b")
    async with trio_stage.serving():
        await trio_stage.told("settled", 2)
    assert trio_stage.reason() == "SystemExit: 7"


@in_trio
async def test_the_drain_timeout_ends_one_that_publishes(trio_stage: TrioStage) -> None:
    @trio_stage.worker.handler("orders", executor="trio")
    async def work(delivery: Delivery) -> None:
        trio_stage.fake.hold("confirm")
        await delivery.publish(b"", routing_key="orders.parked")

    trio_stage.put("a")
    async with trio_stage.serving():
        await trio_stage.told("started")
    assert trio_stage.report is not None
    assert trio_stage.report.orphans == ["a"]
    assert trio_stage.ready() == ["a"]


@pytest.mark.parametrize("swept_by", ["trio", "asyncio"])
def test_cancelling_all_asyncio_tasks_reaches_none(trio_stage: TrioStage, swept_by: str) -> None:
    def sweep() -> None:
        for task in asyncio.all_tasks():
            task.cancel()

    @in_trio
    async def test(stage: TrioStage) -> None:
        held = Held()
        stage.worker.handler("orders", executor="trio")(held.run)
        stage.put("a", "b")
        async with stage.serving():
            await stage.told("started", 2)
            (loop,) = stage.loops
            if swept_by == "asyncio":
                loop.call_soon(sweep)
            else:
                for task in asyncio.all_tasks(loop):
                    task.cancel()
            await stage.told("drain_started")
            held.let_go.set()
        assert stage.report is not None
        assert (stage.report.reason, stage.ids("settled")) == ("serve() was cancelled", ["a", "b"])

    test(stage=trio_stage)


def test_ctrl_c_in_a_task_that_it_has_begun_is_no_failure_of_its(trio_stage: TrioStage) -> None:
    @in_trio
    async def test(stage: TrioStage) -> None:
        @stage.worker.handler("orders", executor="trio", concurrency=1, prefetch=2)
        async def work() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(struck)

        async def struck() -> None:
            signal.raise_signal(signal.SIGINT)

        stage.put("a", "b")
        await stage.serve()

    with pytest.raises(KeyboardInterrupt):
        test(stage=trio_stage)
    assert [event.data["reason"] for event in trio_stage.of("drain_started")] == ["KeyboardInterrupt"]
    assert trio_stage.ids("started") == ["a"]
    assert trio_stage.ready() == ["a", "b"]
