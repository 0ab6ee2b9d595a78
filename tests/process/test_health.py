"""What a kubelet and a Prometheus see of a real worker: from its start to its drain, and while its loop is stuck."""

import json
import random
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from signal import SIGKILL, SIGTERM

import pytest

from tests.observe.asking import ask, statuses

from .harness import WorkerProcess, Workers
from .queues import Jobs
from .wires import Gate, Wire

pytestmark = [pytest.mark.broker, pytest.mark.process]

HEALTH = ("--health", "127.0.0.1:0")


async def port_of(worker: WorkerProcess) -> int:
    await worker.until_logged('"event": "health"')
    [told] = [line for line in map(json.loads, worker.log) if line["event"] == "health"]
    return int(told["port"])


async def metrics(port: int) -> Mapping[str, float]:
    """Each series and its value."""
    text = (await ask(port, "/metrics")).text
    return {name: float(value) for name, value in re.findall(r"^([a-z]\S*) (\S+)$", text, re.MULTILINE)}


async def test_from_start_to_drain_readiness_goes_503_200_503_and_liveness_stays(
    workers: Workers, jobs: Jobs, gate: Gate, wire: Wire, wired_url: str
) -> None:
    [message_id] = await jobs.publish(1, "hold")
    worker = await workers.start(*HEALTH, env={"LASTCALL_AMQP_URL": wired_url})
    await worker.until("connecting")
    port = await port_of(worker)
    assert await statuses(port) == (200, 503, 503)
    await wire.connect()
    await worker.until("started")
    assert await statuses(port) == (200, 200, 200)
    worker.signal(SIGTERM)
    await worker.until("drain_started")
    assert await statuses(port) == (200, 503, 200)
    status = (await ask(port, "/statusz")).json
    assert (status["phase"], status["drain"]["reason"]) == ("draining", "SIGTERM")
    assert [(each["message_id"], each["handler"]) for each in status["in_flight"]] == [(message_id, "work")]
    gate.open()
    assert await worker.exit() == 0


async def test_a_stuck_loop_is_seen_as_stuck_and_by_whom(workers: Workers, jobs: Jobs) -> None:
    worker = await workers.consuming(*HEALTH, env={"LASTCALL_STUCK_AFTER": "0.5", "LASTCALL_BLOCKED_AFTER": "1"})
    port = await port_of(worker)
    assert await statuses(port) == (200, 200, 200)
    [message_id] = await jobs.publish(1, "block the loop")
    await worker.until_logged("loop_stuck")
    live, ready, _ = await statuses(port)
    assert (live, ready) == (503, 200)
    status = (await ask(port, "/statusz")).json
    assert status["loop_silent_for"] >= 1
    assert [each["message_id"] for each in status["in_flight"]] == [message_id]
    assert (await metrics(port))["lastcall_loop_lag_seconds"] >= 1


async def test_metrics_count_what_was_consumed(workers: Workers, jobs: Jobs, gate: Gate) -> None:
    worker = await workers.consuming(*HEALTH, "--prefetch", "4", "--concurrency", "2")
    port = await port_of(worker)
    await jobs.publish(20, "return")
    await worker.until("settled", 20)
    await jobs.publish(4, "hold")
    await worker.until("received", 24)
    seen, queue = await metrics(port), jobs.queue.name
    assert seen[f'lastcall_deliveries_received_total{{queue="{queue}"}}'] == 24
    assert seen[f'lastcall_deliveries_ended_total{{outcome="completed",queue="{queue}"}}'] == 20
    assert seen[f'lastcall_deliveries_in_flight{{queue="{queue}"}}'] == 2
    assert seen[f'lastcall_deliveries_prefetched{{queue="{queue}"}}'] == 2
    assert seen[f'lastcall_handler_duration_seconds_count{{handler="work",queue="{queue}"}}'] == 20
    assert seen["process_resident_memory_bytes"] > 0
    gate.open()


def two_free_ports() -> int:
    """The first of two neighbours, below those that systems give out by themselves."""
    for port in random.sample(range(20_000, 30_000), 100):
        with (
            suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.create_server(("127.0.0.1", port + 1)),
        ):
            return port
    raise AssertionError("a hundred ports in a row are taken")


async def test_each_of_several_processes_answers_on_a_port_of_its_own(workers: Workers) -> None:
    port = two_free_ports()
    parent = await workers.start("--processes", "2", "--health", f"127.0.0.1:{port}")
    await parent.until("consuming", 2)
    pids = {(await ask(port + number, "/statusz")).json["pid"] for number in (0, 1)}
    assert pids == {each["pid"] for each in parent.named("consuming")}
    parent.signal(SIGTERM)
    assert await parent.exit() == 0


async def test_a_worker_that_follows_a_killed_one_has_its_port(workers: Workers) -> None:
    first = await workers.consuming(*HEALTH)
    port = await port_of(first)
    assert (await ask(port, "/readyz")).status == 200
    first.signal(SIGKILL)
    await first.exit()
    await workers.consuming("--health", f"127.0.0.1:{port}")
    assert (await ask(port, "/readyz")).status == 200


async def test_a_port_that_is_taken_is_a_wrong_setting(workers: Workers) -> None:
    first = await workers.consuming(*HEALTH)
    second = await workers.start("--health", f"127.0.0.1:{await port_of(first)}")
    assert await second.exit() == 2
    assert "LASTCALL_HEALTH" in second.log[-1]
    assert second.named("connected") == []
