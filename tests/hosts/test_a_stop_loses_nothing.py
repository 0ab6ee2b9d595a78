"""A stop loses nothing and runs nothing twice, whoever owns the loop, and however he is told."""

import sys
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, Signals

import pytest

from tests.process.harness import WorkerProcess, Workers
from tests.process.queues import Jobs
from tests.process.wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]

HERE = Path(__file__).parent
STOP, CANCEL = SIGUSR1, SIGUSR2
"""What the programs do at these signals: worker.stop(), and a cancellation of the task or scope that awaits serve()."""
NAMES = {STOP: "stop", CANCEL: "cancel"}
STOPS = {
    "asyncio": [SIGINT, CANCEL, STOP],  # SIGTERM ends it: nobody has installed a handler
    "uvloop": [SIGINT, CANCEL, STOP],
    "uvloop-factory": [SIGINT, CANCEL, STOP],
    "handlers": [SIGTERM, SIGINT, CANCEL, STOP],
    "returns": [SIGINT, STOP],
    "raises": [SIGINT, STOP],
    "aiorun": [SIGTERM, SIGINT, STOP],
    "aiorun-uvloop": [SIGTERM, SIGINT, STOP],
    "aiorun-callback": [SIGTERM, SIGINT, STOP],
    "thread": [SIGTERM, SIGINT, CANCEL, STOP],
    "anyio": [SIGTERM],
    "trio": [SIGTERM, SIGINT, CANCEL, STOP],
    "trio-anyio": [SIGTERM],
    "trio-handler": [SIGTERM, SIGINT, CANCEL, STOP],
    "trio-handler-anyio": [SIGTERM],
    "trio-alone": [SIGINT, STOP],
    "trio-handler-alone": [SIGINT, STOP],
    "run": [SIGTERM, SIGINT, STOP],
    "as-on-windows": [SIGTERM, SIGINT, SIGHUP, STOP],  # SIGHUP plays Ctrl+Break
    "uvicorn": [SIGTERM, SIGINT],
}
ENDS = {("uvicorn", SIGTERM): -SIGTERM}
"""How the process ends, where not with 0: uvicorn raises SIGTERM again when all is done."""
CASES = [
    pytest.param(
        *(host, stop, swept),
        id=f"{host}-{NAMES.get(stop, stop.name)}{'-swept' * swept}",
        marks=[pytest.mark.every_host] if swept or stop is not stops[0] else [],
    )
    for swept in (False, True)
    for host, stops in STOPS.items()
    for stop in stops
    if not (swept and stop is STOP and host.startswith("aiorun"))  # its loop runs on when serve() was cancelled
    if not (swept and host == "uvicorn")  # it says at length that its own task was cancelled
]


async def hosted(workers: Workers, host: str, **environment: str) -> WorkerProcess:
    """The program, with every warning an error and asyncio in debug mode."""
    python = [sys.executable, "-W", "error", "-X", "dev"]
    environment = {"LASTCALL_LOG_LEVEL": "warning", **environment}
    if host == "as-on-windows":
        return await workers.launch(*python, str(HERE / "as_on_windows.py"), "run", env=environment)
    return await workers.launch(*python, str(HERE / "programs.py"), host, env=environment)


@pytest.mark.parametrize(("host", "stop", "swept"), CASES)
async def test_what_is_in_flight_is_finished_and_the_rest_handed_back(
    workers: Workers, jobs: Jobs, gate: Gate, host: str, stop: Signals, swept: bool
) -> None:
    published = await jobs.publish(4, "hold")
    worker = await hosted(workers, host, **({"SWEEP": "1"} if swept else {}))
    await worker.until("received", 4)
    await worker.until("started", 2)
    worker.signal(stop)
    await worker.until("requeued", 2)
    assert worker.running
    gate.open()

    assert await worker.exit() == ENDS.get((host, stop), 0), "\n".join(worker.log)
    assert worker.ids("started") == published[:2]
    assert sorted(worker.ids("settled", outcome="completed")) == published[:2]
    assert sorted(worker.ids("requeued", reason="drain")) == published[2:]
    [finished] = worker.named("drain_finished")
    assert (finished["exit_code"], finished["orphans"]) == (0, [])
    assert worker.log == [], "no warning, no task that is left pending"
    await jobs.until_ready(2)


@pytest.mark.parametrize("host", ["asyncio", "uvloop", "trio-alone", "trio-handler-alone"])
async def test_a_second_ctrl_c_hurries_where_nobody_handles_the_first(workers: Workers, jobs: Jobs, host: str) -> None:
    [held] = await jobs.publish(1, "hold")
    worker = await hosted(workers, host, CTRL_C_AGAIN="1")
    await worker.until("started")
    worker.signal(SIGINT)
    assert await worker.exit() == 0
    [finished] = worker.named("drain_finished")
    assert (finished["exit_code"], finished["orphans"]) == (4, [held])
    assert worker.log == []
    await jobs.until_ready(1)


@pytest.mark.parametrize("host", ["trio-alone", "trio-handler-alone"])
async def test_a_system_exit_in_a_callback_of_somebodys_ends_a_process_in_trio_too(
    workers: Workers, jobs: Jobs, host: str
) -> None:
    await jobs.publish(4, "hold")
    worker = await hosted(workers, host, EXITS="1")
    await worker.until("started", 2)
    worker.signal(STOP)
    assert await worker.exit() == 7, "\n".join(worker.log)
    await jobs.until_ready(4)


@pytest.mark.parametrize("stop", [SIGTERM, SIGINT])
async def test_beside_a_worker_aiorun_waits_for_what_it_was_told_to(
    workers: Workers, jobs: Jobs, gate: Gate, stop: Signals
) -> None:
    [held] = await jobs.publish(1, "hold")
    worker = await hosted(workers, "aiorun-beside")
    await worker.until("started")
    worker.signal(stop)
    await worker.until("drain_started")
    gate.open()
    assert await worker.exit() == 0
    assert worker.ids("settled", outcome="completed") == [held]
    assert worker.log == ["what aiorun waits for has ended"]
