"""A handler that runs longer than its timeout is cancelled, and that counts as a failure, whatever it makes of it."""

import asyncio
from contextlib import suppress

import pytest

from consumer import ConfigurationError, Delivery, RetryPolicy
from tests.engine.stage import LONG, Stage

SOON = 0.02


async def test_it_is_cancelled_and_parked_with_the_reason(stage: Stage) -> None:
    stage.handle(timeout=SOON)
    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert stage.handling.cancelled == ["a"]
    assert stage.of("timed_out")[0].data["seconds"] == SOON
    (parked,) = stage.fake.ready("orders.parked")
    reason = parked.properties.headers["x-lastcall-reason"]
    assert reason == "HandlerTimeout: it ran longer than its timeout of 0.02 s"
    assert (await stage.drained()).exit_code == 0


async def test_each_attempt_has_the_whole_time(stage: Stage) -> None:
    attempts = []

    @stage.worker.handler("orders", timeout=SOON, retry=RetryPolicy(attempts=3, first_wait=0))
    async def work(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if delivery.attempt < 3:
            await asyncio.Event().wait()

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert (attempts, len(stage.of("timed_out"))) == ([1, 2, 3], 2)
    assert stage.fake.is_empty("orders.parked")
    await stage.drained()


async def test_one_that_swallows_its_cancellation_has_failed_all_the_same(stage: Stage) -> None:
    @stage.worker.handler("orders", timeout=SOON)
    async def work(_delivery: Delivery) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert len(stage.fake.ready("orders.parked")) == 1
    await stage.drained()


async def test_one_that_goes_on_after_its_cancellation_keeps_its_slot_and_runs_alone(stage: Stage) -> None:
    go_on = asyncio.Event()
    runs = []

    @stage.worker.handler("orders", concurrency=1, timeout=SOON, retry=RetryPolicy(attempts=2, first_wait=0))
    async def work(delivery: Delivery) -> None:
        runs.append(delivery.attempt)
        if delivery.attempt == 1:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await go_on.wait()

    stage.put("a")
    stage.start()
    await stage.told("timed_out")
    assert (runs, stage.of("finished")) == ([1], [])
    go_on.set()
    await stage.told("settled")
    assert runs == [1, 2]
    await stage.drained()


async def test_one_that_ends_in_time_is_not_touched(stage: Stage) -> None:
    stage.handle(timeout=LONG)
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled")
    assert stage.of("timed_out") == []
    assert (await stage.drained()).exit_code == 0


async def test_the_drains_deadline_comes_first_where_it_is_sooner(stage: Stage) -> None:
    stage.make(drain_timeout=0.02)
    stage.handle(timeout=LONG)
    stage.put("a")
    await stage.running("a")
    assert (await stage.drained()).orphans == ["a"]
    assert stage.ready() == ["a"]


@pytest.mark.parametrize("options", [{"timeout": 5}, {"on_lease_lost": "cancel"}])
async def test_a_plain_function_cannot_be_cancelled_and_says_so(stage: Stage, options: dict[str, object]) -> None:
    @stage.worker.handler("orders", **options)  # type: ignore[arg-type]  # as a user would get it wrong
    def work(_body: bytes) -> None:
        """Runs in a thread."""

    with pytest.raises(ConfigurationError, match="plain function"):
        await stage.worker.serve()


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": -1}, {"timeout": float("inf")}, {"on_lease_lost": "stop"}, {"retry": 0}]
)
async def test_a_wrong_option_is_refused_by_its_name(stage: Stage, options: dict[str, object]) -> None:
    name = next(iter(options)).replace("retry", "attempts")
    with pytest.raises(ConfigurationError, match=name):
        stage.handle(**options)  # type: ignore[arg-type]  # as a user would get it wrong
