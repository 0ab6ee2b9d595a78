"""A second signal doesn't wait for handlers, a third (or SIGQUIT) waits for nothing."""

from signal import SIGINT, SIGQUIT, SIGTERM, Signals

import pytest

from .harness import MARGIN, Workers
from .queues import Jobs

pytestmark = [pytest.mark.broker, pytest.mark.process]


@pytest.mark.parametrize("again", [SIGTERM, SIGINT])
async def test_a_second_signal_cancels_the_handlers_and_hands_their_messages_back_by_name(
    workers: Workers, jobs: Jobs, again: Signals
) -> None:
    published = await jobs.publish(3, "hold")
    worker = await workers.consuming()
    await worker.until("started", 3)
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    signalled = worker.signal(again)

    assert await worker.exit() == 4
    assert worker.gone_at - signalled < MARGIN
    assert sorted(worker.ids("requeued", reason="orphan")) == published
    [report] = worker.named("drain_finished")
    assert sorted(report["orphans"]) == published
    await jobs.until_ready(3)


@pytest.mark.parametrize("signals", [[SIGQUIT], [SIGTERM, SIGQUIT], [SIGTERM, SIGINT, SIGTERM]])
async def test_a_third_signal_or_sigquit_ends_a_worker_even_when_its_handler_ignores_everything(
    workers: Workers, jobs: Jobs, signals: list[Signals]
) -> None:
    await jobs.publish(1, "swallow cancellation")
    worker = await workers.consuming()
    await worker.until("started")
    *first, last = signals
    for number, each in enumerate(first):
        worker.signal(each)
        if number == 0:
            await worker.until("drain_started")  # two signals that are both pending may arrive in any order
    signalled = worker.signal(last)
    assert await worker.exit() == 4
    assert worker.gone_at - signalled < MARGIN


@pytest.mark.parametrize("do", ["block the loop", "block the loop in C"])
async def test_sigquit_ends_a_worker_whose_loop_is_blocked(workers: Workers, jobs: Jobs, do: str) -> None:
    worker = await workers.consuming("--drain-timeout", "30")
    published = await jobs.publish(1, do)
    await worker.until("started")
    signalled = worker.signal(SIGQUIT)
    assert await worker.exit() == 4
    assert worker.gone_at - signalled < 0.5

    heir = await workers.start()
    assert (await heir.until("started"))[0]["message_id"] == published[0]


@pytest.mark.parametrize("again", [SIGQUIT, SIGTERM, SIGINT])
async def test_a_signal_after_the_drain_waits_for_no_thread_that_holds_the_interpreter(
    workers: Workers, jobs: Jobs, again: Signals
) -> None:
    await jobs.publish(1, "hold the interpreter")
    worker = await workers.consuming("--drain-timeout", "30")
    await worker.until("settled", outcome="completed")
    worker.signal(SIGTERM)
    await worker.until_logged("the main thread has ended")
    signalled = worker.signal(again)
    assert await worker.exit() == 0, "the drain was clean"
    assert worker.gone_at - signalled < 0.5


@pytest.mark.parametrize("do", ["block the loop", "block the loop in C"])
async def test_a_second_signal_ends_a_worker_whose_loop_is_blocked(workers: Workers, jobs: Jobs, do: str) -> None:
    worker = await workers.consuming("--drain-timeout", "30")
    await jobs.publish(1, do)
    await worker.until("started")
    worker.signal(SIGTERM)
    signalled = worker.signal(SIGINT)
    assert await worker.exit() == 4
    assert worker.gone_at - signalled < MARGIN
