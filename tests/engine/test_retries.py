"""A failed handler is tried again as its policy says: in place, then through the broker, with attempts counted across
both; a drain never waits out a backoff, and a message keeps its count."""

import asyncio

import pytest

from consumer import Delivery, PublishFailed, Retry, RetryPolicy
from tests.engine.stage import LONG, Stage, turns, within

AT_ONCE = RetryPolicy(attempts=3, first_wait=0, jitter=0)
HERE = RetryPolicy(attempts=3, first_wait=LONG, longest_wait=LONG, jitter=0, in_place=LONG)
LATER = RetryPolicy(attempts=3, first_wait=8, jitter=0, in_place=1)


class Failing:
    """A handler that fails so many times, and notes its attempts."""

    def __init__(self, stage: Stage, times: int, policy: RetryPolicy | None, error: Exception | None = None) -> None:
        self.attempts: list[int] = []

        @stage.worker.handler("orders", retry=policy)
        async def work(delivery: Delivery) -> None:
            self.attempts.append(delivery.attempt)
            if len(self.attempts) <= times:
                raise error or ValueError(f"broken {len(self.attempts)}")


async def test_a_failure_that_passes_is_forgotten(stage: Stage) -> None:
    failing = Failing(stage, 2, AT_ONCE)
    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert failing.attempts == [1, 2, 3]
    assert [event.data["attempt"] for event in stage.of("retrying")] == [2, 3]
    assert stage.of("retrying")[0].data["reason"] == "ValueError: broken 1"
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders.parked")


async def test_after_the_last_attempt_it_is_parked_with_its_count(stage: Stage) -> None:
    failing = Failing(stage, 9, AT_ONCE)
    stage.put("a")
    stage.start()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert failing.attempts == [1, 2, 3]
    assert parked.properties.headers["x-lastcall-attempt"] == 3
    assert parked.properties.headers["x-lastcall-reason"] == "ValueError: broken 3"
    await stage.drained()


async def test_a_long_wait_is_spent_in_the_broker_and_its_slot_is_free(stage: Stage) -> None:
    failing = Failing(stage, 2, LATER)
    stage.put("a")
    stage.start()
    await stage.told("settled")
    ((copy, seconds),) = stage.fake.delayed("orders")
    assert (copy.message_id, copy.attempt, seconds) == ("a", 2, 8)
    assert stage.fake.is_empty("orders")
    stage.fake.release("orders")
    await stage.told("settled", 2)
    assert [seconds for _, seconds in stage.fake.delayed("orders")] == [16]
    stage.fake.release("orders")
    await stage.told("settled", 3)
    assert failing.attempts == [1, 2, 3]
    assert [event.data["outcome"] for event in stage.of("settled")] == ["retry", "retry", "completed"]
    assert [event.data["seconds"] for event in stage.of("put_off")] == [8, 16]
    await stage.drained()


async def test_attempts_count_across_waits_in_place_and_in_the_broker(stage: Stage) -> None:
    policy = RetryPolicy(attempts=4, first_wait=0.001, factor=1000, longest_wait=5, jitter=0, in_place=1)
    failing = Failing(stage, 9, policy)
    stage.put("a")
    stage.start()
    await stage.told("put_off")
    assert failing.attempts == [1, 2, 3], "after 1 ms and 1 s in place; then 5 s in the broker"
    stage.fake.release("orders")
    await stage.told("parked")
    assert failing.attempts == [1, 2, 3, 4]
    await stage.drained()


async def test_the_copy_is_confirmed_before_the_original_is_acked(stage: Stage) -> None:
    Failing(stage, 1, LATER)
    stage.put("a")
    gate = stage.fake.hold("confirm")
    stage.start()
    await within(gate.reached)
    await turns()
    assert stage.unacked() == ["a"]
    gate.open()
    await stage.told("settled")
    await stage.drained()


async def test_a_copy_that_is_not_confirmed_yet_is_tried_again(stage: Stage) -> None:
    Failing(stage, 1, LATER)
    stage.fake.fail("confirm", PublishFailed("not now"))
    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert stage.of("retry_failed")[0].data["error"] == "not now"
    assert len(stage.fake.delayed("orders")) == 1
    await stage.drained()


async def test_a_message_that_can_never_be_put_off_is_parked_with_both_reasons(stage: Stage) -> None:
    Failing(stage, 1, LATER)
    stage.fake.fail("confirm", PublishFailed("no such permission", permanent=True))
    stage.put("a")
    stage.start()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    reason = parked.properties.headers["x-lastcall-reason"]
    assert reason == "ValueError: broken 1; it can't be tried again later: no such permission"
    await stage.drained()


async def test_a_drain_cuts_a_wait_short_and_the_message_goes_back_with_its_count(stage: Stage) -> None:
    failing = Failing(stage, 9, HERE)
    stage.put("a")
    stage.start()
    await stage.told("retrying")
    await turns()
    report = await stage.drained()
    assert (report.exit_code, report.orphans, failing.attempts) == (0, [], [1])
    (waiting,) = stage.fake.ready("orders")
    assert (waiting.message_id, waiting.attempt) == ("a", 2)


async def test_a_failure_during_the_drain_waits_for_nothing(stage: Stage) -> None:
    stage.handle(retry=HERE)
    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("drain_started")
    stage.handling.fail("a", ValueError("broken"))
    assert (await stage.report()).exit_code == 0
    assert [(each.message_id, each.attempt) for each in stage.fake.ready("orders")] == [("a", 2)]


async def test_a_long_wait_is_kept_when_it_fails_during_the_drain(stage: Stage) -> None:
    stage.handle(retry=LATER)
    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("drain_started")
    stage.handling.fail("a", ValueError("broken"))
    assert (await stage.report()).exit_code == 0
    assert [seconds for _, seconds in stage.fake.delayed("orders")] == [8]


async def test_at_the_deadline_without_a_confirm_it_goes_back_uncounted(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    Failing(stage, 1, LATER)
    stage.fake.fail("confirm", *[PublishFailed("not now")] * 50)
    stage.put("a")
    stage.start()
    await stage.told("retry_failed")
    assert (await stage.drained()).exit_code == 3
    assert stage.ready() == ["a"]


async def test_retry_asks_for_a_time_of_its_own(stage: Stage) -> None:
    failing = Failing(stage, 1, None, Retry(after=90, reason="the bank is closed"))
    stage.put("a")
    stage.start()
    await stage.told("settled")
    ((copy, seconds),) = stage.fake.delayed("orders")
    assert (seconds, copy.attempt) == (90, 2)
    assert stage.of("put_off")[0].data["reason"] == "Retry: the bank is closed"
    stage.fake.release("orders")
    await stage.told("settled", 2)
    assert failing.attempts == [1, 2]
    await stage.drained()


async def test_the_settings_give_a_policy_to_handlers_without_one(stage: Stage) -> None:
    stage.make(retry_attempts=2, retry_first_wait=0)
    failing = Failing(stage, 1, None)
    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert failing.attempts == [1, 2]
    await stage.drained()


async def test_a_retried_message_still_says_where_it_came_from(stage: Stage) -> None:
    origins = []

    @stage.worker.handler("orders", retry=LATER)
    async def work(delivery: Delivery) -> None:
        origins.append((delivery.exchange, delivery.routing_key))
        raise ValueError

    stage.put("a")
    stage.start()
    await stage.told("settled")
    stage.fake.release("orders")
    await stage.told("settled", 2)
    assert origins == [("", "orders")] * 2
    await stage.drained()


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_what_would_end_a_process_is_not_tried_again(stage: Stage, error: BaseException) -> None:
    @stage.worker.handler("orders", retry=AT_ONCE)
    async def work(_delivery: Delivery) -> None:
        raise error

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert len(stage.fake.ready("orders.parked")) == 1
    assert stage.of("retrying") == []
    await stage.drained()


@pytest.fixture
def delaying(stage: Stage) -> Stage:
    """A queue of RabbitMQ 4.3 that delays what failed by itself."""
    delays = {"x-delayed-retry-type": "failed", "x-delayed-retry-min": 1_000, "x-delayed-retry-max": 60_000}
    stage.fake.declare("orders", {"x-queue-type": "quorum", "x-delivery-limit": 10, **delays})
    return stage


async def test_a_queue_that_delays_by_itself_is_left_to_do_it(delaying: Stage) -> None:
    failing = Failing(delaying, 1, LATER)
    delaying.put("a", headers={"x-delivery-count": 1})
    delaying.start()
    await delaying.told("settled")
    assert failing.attempts[0] == 2, "the broker counts the failures there"
    assert [event.data["reason"] for event in delaying.of("requeued")] == ["retry"]
    assert (delaying.of("put_off"), len(delaying.fake.rejected)) == ([], 1)
    await delaying.drained()


async def test_after_the_last_attempt_there_it_is_parked(delaying: Stage) -> None:
    Failing(delaying, 9, LATER)
    delaying.put("a", headers={"x-delivery-count": 2})
    delaying.start()
    await delaying.told("parked")
    assert delaying.fake.rejected == []
    await delaying.drained()


async def test_it_is_not_left_to_a_queue_that_would_drop_it_at_its_limit(delaying: Stage) -> None:
    Failing(delaying, 1, RetryPolicy(attempts=99, first_wait=8, in_place=1))
    delaying.put("a", headers={"x-delivery-count": 9})
    delaying.start()
    await delaying.told("put_off")
    assert delaying.fake.rejected == []
    await delaying.drained()


async def test_a_time_that_a_handler_asks_for_is_kept_there_too(delaying: Stage) -> None:
    Failing(delaying, 1, LATER, Retry(after=90))
    delaying.put("a")
    delaying.start()
    await delaying.told("put_off")
    assert [seconds for _, seconds in delaying.fake.delayed("orders")] == [90]
    await delaying.drained()
