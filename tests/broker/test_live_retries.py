"""Retries on a real RabbitMQ: a wait survives its worker, and attempts are counted across workers."""

import pytest
from pamqp import commands as spec

from consumer import Binding, Delivery, Queue, RetryPolicy
from tests.broker.live import Live, LiveWorker

pytestmark = pytest.mark.broker

LATER = RetryPolicy(attempts=3, first_wait=0.7, jitter=0, in_place=0.1)
HERE = RetryPolicy(attempts=3, first_wait=60, jitter=0, in_place=60)


@pytest.fixture
def named(live: Live) -> Live:
    """The test's queues are deleted with it, those in which messages wait too."""
    for level in ("", ".retry.1s", ".retry.2s"):
        live.name(f"work{level}")
    return live


def failing(live: Live, times: int, policy: RetryPolicy) -> tuple[LiveWorker, list[tuple[int, str, str]]]:
    """A worker whose handler fails up to this attempt; and its attempts, with where the message came from."""
    made, seen = live.worker(), list[tuple[int, str, str]]()
    queue = Queue("work", bindings=[Binding("shop", "order.*")])

    @made.worker.handler(queue, retry=policy)
    async def work(delivery: Delivery) -> None:
        seen.append((delivery.attempt, delivery.exchange, delivery.routing_key))
        if delivery.attempt <= times:
            raise ValueError(f"broken {delivery.attempt}")

    return made, seen


async def test_a_message_waits_in_the_broker_and_comes_back_with_its_count(named: Live) -> None:
    worker, seen = failing(named, 2, LATER)
    await worker.consuming()
    await named.put("work", b'{"a": 1}', spec.Basic.Properties(message_id="m"))
    await worker.told("settled", 3)
    assert [attempt for attempt, _, _ in seen] == [1, 2, 3]
    assert [event.data["outcome"] for event in worker.of("settled")] == ["retry", "retry", "completed"]
    assert (await worker.drained()).exit_code == 0
    assert (await named.depth("work"), await named.depth("work.parked")) == (0, 0)


async def test_after_the_last_attempt_it_is_parked_with_its_story(named: Live) -> None:
    worker, _ = failing(named, 9, RetryPolicy(attempts=2, first_wait=0.2, in_place=0.1))
    await worker.consuming()
    await named.put("work", b"{}", spec.Basic.Properties(message_id="m"))
    await worker.told("parked")
    await worker.told("settled", 2)
    headers = (await named.take("work.parked")).headers
    assert headers is not None
    assert (headers["x-lastcall-attempt"], headers["x-lastcall-reason"]) == (2, "ValueError: broken 2")
    assert str(headers["x-lastcall-first-failed-at"]) < str(headers["x-lastcall-parked-at"])
    assert not [name for name in headers if "death" in name], "its waits are no deaths"
    await worker.drained()


async def test_a_wait_survives_its_worker(named: Live) -> None:
    first, _ = failing(named, 1, LATER)
    await first.consuming()
    await named.put("work", b"{}", spec.Basic.Properties(message_id="m"))
    await first.told("settled")
    assert (await first.drained()).exit_code == 0
    second, seen = failing(named, 1, LATER)
    await second.consuming()
    await second.told("settled")
    assert [attempt for attempt, _, _ in seen] == [2]
    await second.drained()


async def test_a_drain_cuts_a_wait_short_and_the_next_worker_goes_on_counting(named: Live) -> None:
    first, _ = failing(named, 1, HERE)
    await first.consuming()
    await named.put("work", b"{}", spec.Basic.Properties(message_id="m"))
    await first.told("retrying")
    assert (await first.drained()).exit_code == 0
    second, seen = failing(named, 1, HERE)
    await second.consuming()
    await second.told("settled")
    assert [attempt for attempt, _, _ in seen] == [2]
    await second.drained()
