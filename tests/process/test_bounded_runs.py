"""Runs that end by themselves, and what a worker writes where."""

import json
from pathlib import Path
from signal import SIGTERM

import pytest

from .harness import Workers
from .queues import Jobs

pytestmark = [pytest.mark.broker, pytest.mark.process]


async def test_max_messages_ends_the_worker_and_hands_back_the_rest(workers: Workers, jobs: Jobs) -> None:
    published = await jobs.publish(10, "return")
    worker = await workers.start("--max-messages", "3", "--prefetch", "10", "--concurrency", "2")
    assert await worker.exit() == 0
    assert sorted(worker.ids("started")) == sorted(worker.ids("settled", outcome="completed")) == published[:3]
    await jobs.until_ready(7)


async def test_idle_timeout_ends_the_worker_when_nothing_comes_any_more(workers: Workers, jobs: Jobs) -> None:
    published = await jobs.publish(5, "take a moment")
    worker = await workers.start("--idle-timeout", "2")
    assert await worker.exit() == 0
    assert sorted(worker.ids("settled", outcome="completed")) == published
    [report] = worker.named("drain_finished")
    assert report["reason"] == "idle"


async def test_events_and_logs_are_json_lines_each_in_its_own_place(workers: Workers, jobs: Jobs) -> None:
    worker = await workers.consuming("--max-messages", "1", "--log-level", "debug")
    await jobs.publish(1, "return")
    assert await worker.exit() == 0
    life = ["connected", "consuming", "received", "started", "finished", "settled", "drain_started", "drain_finished"]
    assert {json.loads(line)["event"] for line in worker.output} == set(life)
    assert {json.loads(line)["event"] for line in worker.log} >= set(life)


async def test_events_go_to_a_file_that_several_workers_may_share(workers: Workers, jobs: Jobs, tmp_path: Path) -> None:
    await jobs.publish(1, "return")
    path = tmp_path / "events.jsonl"
    pair = [await workers.start(events=str(path)) for _ in range(2)]
    for worker in pair:
        await worker.until_logged('"event": "consuming"')
        worker.signal(SIGTERM)
        assert await worker.exit() == 0
        assert worker.output == []
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert {each["pid"] for each in events if each["event"] == "drain_finished"} == {each.pid for each in pair}
    assert len([each for each in events if each["event"] == "settled"]) == 1
