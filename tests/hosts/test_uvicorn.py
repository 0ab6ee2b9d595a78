"""Under uvicorn: it stops listening, waits for its connections, then ends the lifespan, and that drains the worker."""

import asyncio
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import pytest

from tests.process.harness import WorkerProcess, Workers
from tests.process.queues import Jobs
from tests.process.wires import Gate

from .test_a_stop_loses_nothing import hosted

pytestmark = [pytest.mark.broker, pytest.mark.process]


async def with_a_request(
    workers: Workers, directory: Path, **environment: str
) -> tuple[WorkerProcess, "asyncio.Task[bytes]"]:
    """An application with a worker, and a request that waits for the gate."""
    application = await hosted(workers, "uvicorn", UVICORN_LOG="info", **environment)
    await application.until_logged("Uvicorn running on unix socket")

    async def answer() -> bytes:
        reader, writer = await asyncio.open_unix_connection(directory / "app.sock")
        writer.write(b"GET /held HTTP/1.1\r\nHost: app\r\n\r\n")
        try:
            return await reader.read()
        finally:
            writer.close()

    answering = asyncio.create_task(answer())
    await application.until_logged("a request is held")
    return application, answering


async def test_while_it_waits_for_connections_the_worker_works_on(
    workers: Workers, jobs: Jobs, gate: Gate, tmp_path: Path
) -> None:
    application, answering = await with_a_request(workers, tmp_path)
    application.signal(SIGTERM)
    await application.until_logged("Waiting for connections to close")
    published = await jobs.publish(1, "return")
    await application.until_each("settled", published)
    assert application.named("drain_started") == []
    gate.open()
    assert (await answering).endswith(b"done")
    assert await application.exit() == -SIGTERM
    assert application.named("drain_finished", exit_code=0)


async def test_a_bound_on_that_wait_lets_the_drain_begin_although_a_request_hangs(
    workers: Workers, jobs: Jobs, gate: Gate, tmp_path: Path
) -> None:
    application, answering = await with_a_request(workers, tmp_path, GRACEFUL="1")
    [held] = await jobs.publish(1, "hold")
    await application.until("started")
    application.signal(SIGTERM)
    await application.until("drain_started")
    gate.open()
    assert await application.exit() == -SIGTERM
    assert application.ids("settled", outcome="completed") == [held]
    await answering


@pytest.mark.parametrize("stop", [SIGTERM, SIGINT])
async def test_a_second_signal_does_not_hurry_the_drain(
    workers: Workers, jobs: Jobs, gate: Gate, stop: Signals
) -> None:
    [held] = await jobs.publish(1, "hold")
    application = await hosted(workers, "uvicorn")
    await application.until("started")
    application.signal(stop)
    await application.until("drain_started")
    application.signal(stop)
    gate.open()
    await application.exit()
    assert application.ids("settled", outcome="completed") == [held]
    assert application.named("drain_finished", exit_code=0)


async def test_a_second_ctrl_c_while_it_waits_for_connections_drains_all_the_same(
    workers: Workers, jobs: Jobs, gate: Gate, tmp_path: Path
) -> None:
    """uvicorn skips the end of the lifespan then; asyncio cancels what is left, and a worker drains at that."""
    application, answering = await with_a_request(workers, tmp_path)
    [held] = await jobs.publish(1, "hold")
    await application.until("started")
    application.signal(SIGINT)
    await application.until_logged("Waiting for connections to close")
    application.signal(SIGINT)
    await application.until("drain_started")
    assert application.running
    gate.open()
    await application.exit()
    assert application.ids("settled", outcome="completed") == [held]
    await answering


async def test_ctrl_c_after_sigterm_while_it_waits_for_connections_ends_the_process_and_the_broker_requeues(
    workers: Workers, jobs: Jobs, gate: Gate, tmp_path: Path
) -> None:
    """uvicorn skips the end of the lifespan here too, and then raises SIGTERM again, at which Python's default ends."""
    application, answering = await with_a_request(workers, tmp_path)
    await jobs.publish(1, "hold")
    await application.until("started")
    application.signal(SIGTERM)
    await application.until_logged("Waiting for connections to close")
    application.signal(SIGINT)
    assert await application.exit() == -SIGTERM
    assert application.named("drain_started") == []
    await jobs.until_ready(1)
    await answering
