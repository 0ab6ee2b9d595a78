"""A handler that blocks the event loop is named while it does, and the worker goes on when it is done."""

import json

import pytest

from .harness import Workers
from .queues import Jobs

pytestmark = [pytest.mark.broker, pytest.mark.process]


async def test_a_handler_that_blocks_the_loop_is_named_with_its_message(workers: Workers, jobs: Jobs) -> None:
    worker = await workers.consuming("--log-format", "json", env={"LASTCALL_BLOCKED_AFTER": "0.5"})
    [message_id] = await jobs.publish(1, "block the loop for a while")
    await worker.until_logged("loop_stuck")
    assert not worker.named("finished"), "it is said while the handler still blocks"
    await worker.until("settled", outcome="completed")
    [blocked] = await worker.until("loop_blocked")

    lines = [json.loads(line) for line in worker.log if "loop_stuck" in line]
    task = f"work {message_id}"
    assert {line["task"] for line in lines} == {blocked["task"]} == {task}
    assert "block_the_loop_for_a_while: time.sleep(3)" in lines[0]["stack"][-1]
    assert 0.5 <= lines[0]["seconds"] < 1.5
    assert 1.5 < blocked["seconds"] < 4
