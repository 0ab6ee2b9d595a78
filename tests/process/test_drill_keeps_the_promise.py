"""The whole drill, as a user types it: it says "kept" of a good worker, "broken" of a bad one, and cleans up."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumer.testing.brokers import BrokerHandle
from tests.transports import clean_environment

HERE = Path(__file__).parent
PATIENCE = 90.0
"""Seconds that one drill may take, on a machine that is busy with other things."""

pytestmark = [pytest.mark.broker, pytest.mark.process]


@dataclass(frozen=True)
class Told:
    """What the command left behind."""

    code: int
    stdout: str
    stderr: str


Drill = Callable[..., Awaitable[Told]]


@pytest.fixture
def drill(lastcall_broker: BrokerHandle, tmp_path: Path) -> Drill:
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    environment = {
        **clean_environment(),
        "PYTHONPATH": path,
        "AMQP_URL": lastcall_broker.url,
        "LASTCALL_BROKER": "given",
    }

    async def run(worker: str, *flags: str) -> Told:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "consumer", "drill", f"drill_workers:{worker}", "--workers", "2", *flags),
            cwd=tmp_path,
            env=environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            stdout, stderr = await asyncio.wait_for(child.communicate(), PATIENCE)
        finally:
            if child.returncode is None:
                child.terminate()  # the drill stops what it started
                await child.wait()
        return Told(child.returncode or 0, stdout.decode(), stderr.decode())

    return run


async def test_a_drill_of_a_faithful_worker_says_that_the_promise_was_kept(drill: Drill) -> None:
    told = await drill(
        "faithful", "--messages", "120", "--scale-downs", "2", "--prefetch", "20", "--seed", "1", "--json"
    )

    assert told.code == 0, told.stderr
    verdict = json.loads(told.stdout)
    assert verdict["kept"] is True
    assert (verdict["published"], verdict["completed"]) == (120, 120)
    assert verdict["lost"] == verdict["run_twice"] == verdict["orphans"] == verdict["started_after_signal"] == []
    assert verdict["exit_codes"] == {"0": 4}  # two workers, and a new one for each scale-down


async def test_a_drill_of_a_worker_that_dies_before_its_ack_says_what_was_run_twice(drill: Drill) -> None:
    told = await drill("dying", "--messages", "60", "--scale-downs", "1", "--seed", "1")

    assert told.code == 1, told.stderr
    assert "The promise was broken; run twice: drill-1-" in told.stdout
    assert "--seed 1" in told.stdout


async def test_a_drill_of_a_worker_that_can_not_start_ends_at_once_with_what_the_worker_said(drill: Drill) -> None:
    told = await drill("closed", "--messages", "10")

    assert told.code == 1
    assert "A worker can't start" in told.stderr
    assert "the database is away" in told.stderr


async def test_a_drill_with_a_wrong_setting_is_a_usage_error_that_names_it(drill: Drill) -> None:
    told = await drill("faithful", "--messages", "10", "--drain-timeout", "-1")

    assert told.code == 2
    assert "drain_timeout" in told.stderr
