"""A worker inside what somebody else runs: a thread, a loop with other workers, an application with its own end."""

import asyncio
import threading
from pathlib import Path

import pytest

from consumer import Delivery, Worker
from consumer.engine.report import Report
from consumer.errors import ConfigurationError
from consumer.hosts import asyncio_host
from consumer.settings import Settings
from consumer.testing.fake import FakeBroker
from tests.engine.stage import LONG, Stage, within


@pytest.fixture
def worker(bare_environment: Path) -> Worker:
    worker = Worker(Settings.load(amqp_url="amqp://guest:guest@127.0.0.1/"), broker=FakeBroker())

    @worker.handler("orders")
    async def work(_delivery: Delivery) -> None: ...

    return worker


def test_run_in_a_thread_says_where_it_belongs_and_what_to_do_there(worker: Worker) -> None:
    said: list[str] = []

    def run() -> None:
        with pytest.raises(ConfigurationError) as wrong:
            asyncio_host.run(worker)
        said.append(str(wrong.value))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "main thread" in said[0]
    assert "asyncio.run(worker.serve())" in said[0]


def test_serve_runs_in_a_thread_and_stop_reaches_it_from_another(worker: Worker) -> None:
    reports: list[Report] = []
    consuming = threading.Event()
    worker.observe(lambda event: consuming.set() if event.name == "consuming" else None)
    thread = threading.Thread(target=lambda: reports.append(asyncio.run(worker.serve())))
    thread.start()
    assert consuming.wait(LONG)
    worker.stop("another thread says so")
    thread.join()
    assert [(report.reason, int(report.exit_code)) for report in reports] == [("another thread says so", 0)]


async def test_two_workers_in_one_loop_drain_each_for_itself(bare_environment: Path) -> None:
    one, two = Stage(), Stage()
    for stage in (one, two):
        stage.handle()
        stage.put("a")
        await stage.running("a")
    one.serving.cancel()
    await one.told("drain_started")
    one.handling.finish("a")
    with pytest.raises(asyncio.CancelledError):
        await within(one.serving)
    assert two.of("drain_started") == []
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await two.told("drain_started")
    assert two.handling.cancelled == []
    two.handling.finish("a")
    with pytest.raises(asyncio.CancelledError):
        await within(two.serving)
    assert two.ids("settled") == ["a"]
    assert asyncio.get_running_loop().get_task_factory() is None
