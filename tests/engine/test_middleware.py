"""Middleware runs around every attempt of every handler, and what it does with the attempt's end stands."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest

from consumer import ConfigurationError, Delivery, Park, Worker
from tests.engine.stage import Stage

Next = Callable[[], Awaitable[object]]
tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


async def test_the_first_registered_is_outermost_and_a_handler_without_delivery_is_within_too(stage: Stage) -> None:
    seen: list[str] = []

    @stage.worker.middleware
    async def outer(delivery: Delivery, call_next: Next) -> object:
        seen.append(f"outer {delivery.message_id}")
        try:
            return await call_next()
        finally:
            seen.append("outer ends")

    @stage.worker.handler("orders")
    async def work(payload: dict[str, object]) -> None:
        seen.append("handler")

    @stage.worker.middleware
    async def inner(delivery: Delivery, call_next: Next) -> object:
        seen.append("inner")
        return await call_next()

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert seen == ["outer a", "inner", "handler", "outer ends"]


@pytest.mark.parametrize("is_async", [True, False])
async def test_context_variables_that_it_sets_are_seen_by_the_handler(stage: Stage, is_async: bool) -> None:
    seen: list[str] = []

    @stage.worker.middleware
    async def name(delivery: Delivery, call_next: Next) -> object:
        tenant.set(str(delivery.headers["tenant"]))
        return await call_next()

    async def work(delivery: Delivery) -> None:
        seen.append(tenant.get())

    def work_in_a_thread(delivery: Delivery) -> None:
        seen.append(tenant.get())

    stage.worker.handler("orders")(work if is_async else work_in_a_thread)
    stage.put("a", headers={"tenant": "x"})
    stage.put("b", headers={"tenant": "y"})
    stage.start()
    await stage.told("settled", 2)
    assert sorted(seen) == ["x", "y"]


async def test_it_runs_at_each_attempt(stage: Stage) -> None:
    stage.make(retry_attempts=3, retry_first_wait=0)
    attempts: list[int] = []

    @stage.worker.middleware
    async def note(delivery: Delivery, call_next: Next) -> object:
        attempts.append(delivery.attempt)
        return await call_next()

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        if delivery.attempt < 3:
            raise ValueError

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert attempts == [1, 2, 3]


async def test_what_it_raises_is_the_attempts_end(stage: Stage) -> None:
    @stage.worker.middleware
    async def refuse(delivery: Delivery, call_next: Next) -> object:
        raise Park("not today")

    stage.handle()
    stage.put("a")
    stage.start()
    await stage.told("parked")
    assert stage.handling.started == []
    assert stage.of("parked")[0].data["reason"] == "not today"


async def test_what_it_swallows_is_no_failure(stage: Stage) -> None:
    @stage.worker.middleware
    async def forgive(delivery: Delivery, call_next: Next) -> None:
        with pytest.raises(ValueError, match="no good"):
            await call_next()

    @stage.worker.handler("orders")
    async def work() -> None:
        raise ValueError("no good")

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert stage.of("settled")[0].data["outcome"] == "completed"


async def test_an_undecodable_body_is_seen_by_it(stage: Stage) -> None:
    seen: list[str] = []

    @stage.worker.middleware
    async def note(delivery: Delivery, call_next: Next) -> object:
        try:
            return await call_next()
        except Exception as error:
            seen.append(type(error).__name__)
            raise

    @stage.worker.handler("orders")
    async def work(payload: int) -> None: ...

    stage.fake.put("orders", b"{", message_id="a")
    stage.start()
    await stage.told("parked")
    assert seen == ["Undecodable"]


async def test_its_time_counts_for_the_handlers_timeout_and_a_drain_waits_for_it(stage: Stage) -> None:
    @stage.worker.middleware
    async def hold(delivery: Delivery, call_next: Next) -> object:
        await stage.handling.run(delivery)
        return await call_next()

    @stage.worker.handler("orders")
    async def work() -> None: ...

    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("drain_started")
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0
    assert stage.of("settled")[0].data["outcome"] == "completed"


def test_what_can_not_be_called_so_is_refused(bare_environment: object) -> None:
    def plain(delivery: Delivery, call_next: Next) -> None: ...

    async def alone(delivery: Delivery) -> None: ...

    with pytest.raises(ConfigurationError, match="async def"):
        Worker().middleware(plain)  # type: ignore[type-var]  # the mistake that the test is about
    with pytest.raises(ConfigurationError, match="must take"):
        Worker().middleware(alone)  # type: ignore[type-var]  # as above
