"""Plain handlers run in threads: the loop stays free, the drain waits for them, and none holds the process."""

import asyncio
import threading
import time

from consumer import Delivery
from tests.engine.stage import Stage, turns, within


async def test_the_drain_waits_for_a_plain_handler_and_the_loop_stays_responsive(stage: Stage) -> None:
    go = threading.Event()

    @stage.worker.handler("orders", concurrency=1, prefetch=2)
    def work(_delivery: Delivery) -> None:
        assert go.wait(5)

    stage.put("a", "b")
    await stage.running()
    await stage.told("received", 2)
    stage.worker.stop()
    await within(stage.fake.until(lambda: stage.ready() == ["b"]))
    await turns()
    assert stage.of("finished") == []
    go.set()
    report = await stage.report()
    assert (report.exit_code, report.finished, report.handed_back) == (0, 1, 1)
    assert stage.ids("settled") == ["a"]


async def test_plain_handlers_run_beside_each_other_up_to_their_concurrency(stage: Stage) -> None:
    meeting = threading.Barrier(3)

    @stage.worker.handler("orders", concurrency=3)
    def work(_delivery: Delivery) -> None:
        meeting.wait(5)

    stage.put("a", "b", "c")
    stage.start()
    await stage.told("settled", 3)
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders.parked")


async def test_a_plain_handler_sees_that_the_worker_drains(stage: Stage) -> None:
    entered = threading.Event()
    seen = []

    @stage.worker.handler("orders")
    def work(delivery: Delivery) -> None:
        seen.append(bool(delivery.draining))
        entered.set()
        while not delivery.draining:
            time.sleep(0.001)  # what a plain handler has: looking now and then
        seen.append(bool(delivery.draining))

    stage.put("a")
    await stage.running()
    await within(asyncio.to_thread(entered.wait, 5))
    assert (await stage.drained()).exit_code == 0
    assert seen == [False, True]


async def test_a_plain_handler_that_fails_has_its_message_parked(stage: Stage) -> None:
    @stage.worker.handler("orders")
    def work(_delivery: Delivery) -> None:
        raise StopIteration

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert len(stage.fake.ready("orders.parked")) == 1
    await stage.drained()


async def test_a_thread_that_outlives_the_deadline_is_an_orphan_and_holds_nobody(stage: Stage) -> None:
    stage.make(drain_timeout=0.05)
    go, left = threading.Event(), threading.Event()
    threads = []

    @stage.worker.handler("orders")
    def work(_delivery: Delivery) -> None:
        threads.append(threading.current_thread())
        assert go.wait(5)
        left.set()

    stage.put("a")
    await stage.running()
    await stage.told("started")
    report = await within(stage.drained(), 2)
    assert (report.exit_code, report.orphans) == (3, ["a"])
    assert stage.ready() == ["a"]
    assert all(thread.daemon for thread in threads)
    go.set()
    assert await within(asyncio.to_thread(left.wait, 5)), "it runs on to its own end"
    await turns()
    assert stage.of("settled") == []


async def test_idle_threads_go_when_the_worker_has_gone(stage: Stage) -> None:
    @stage.worker.handler("orders", name="pooled")
    def work(_delivery: Delivery) -> None: ...

    stage.put("a")
    stage.start()
    await stage.told("settled")
    threads = [thread for thread in threading.enumerate() if "pooled" in thread.name]
    assert threads
    await stage.drained()
    for thread in threads:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
