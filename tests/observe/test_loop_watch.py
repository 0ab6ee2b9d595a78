"""Whoever blocks the event loop is named, and nobody else."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from consumer import Settings
from consumer.core.events import Event
from consumer.observe.log_events import LogLine
from consumer.observe.loop_watch import NO_TASK, LoopWatch, watching

PATIENCE = 10.0
HEARTBEAT = 15


class Said(logging.Handler):
    """What the watch has said so far; a handler of the test's can block the loop until there is so much of it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[LogLine] = []
        self._told = threading.Semaphore(0)

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, LogLine) and record.msg.name == "loop_stuck":
            self.lines.append(record.msg)
            self._told.release()

    def block_until_told(self, times: int = 1) -> None:
        """Block the thread that calls it."""
        for _ in range(times):
            assert self._told.acquire(timeout=PATIENCE)


@pytest.fixture
def said() -> Iterator[Said]:
    said, logger = Said(), logging.getLogger("lastcall")
    logger.addHandler(said)
    yield said
    logger.removeHandler(said)


class Told:
    """An observer, and the first event that it was told."""

    def __init__(self) -> None:
        self.first: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    def __call__(self, event: Event) -> None:
        asyncio.get_running_loop()  # raises where no loop runs: on another thread, say
        self.first.set_result(event)


def watchers() -> set[threading.Thread]:
    """Those of earlier tests, too, that were told to go and are still on their way."""
    return {thread for thread in threading.enumerate() if thread.name == "lastcall loop watch"}


async def test_a_task_that_blocks_the_loop_is_named_while_it_blocks_and_told_when_it_is_done(said: Said) -> None:
    async def charge() -> None:
        said.block_until_told()

    told = Told()
    with watching(0.1, HEARTBEAT, told):
        await asyncio.create_task(charge(), name="charge m1")
        event = await asyncio.wait_for(told.first, PATIENCE)

    [line] = said.lines
    assert line.keys["task"] == "charge m1"
    assert "asyncio.to_thread" in str(line.keys["mend"])
    assert "30 s" in str(line.keys["mend"])
    assert (event.name, event.data["task"]) == ("loop_blocked", "charge m1")
    assert 0.1 <= float(str(line.keys["seconds"])) <= float(str(event.data["seconds"]))


async def test_the_stack_shows_where_in_the_users_code(said: Said) -> None:
    def deep(calls: int) -> None:
        if calls:
            deep(calls - 1)
        else:
            said.block_until_told()

    with watching(0.1, HEARTBEAT, Told()):
        deep(10)
    stack = said.lines[0].keys["stack"]
    assert isinstance(stack, list)
    assert len(stack) == 5
    assert all(__file__ in frame for frame in stack)
    assert "deep: said.block_until_told()" in stack[-2]
    assert "block_until_told: assert self._told.acquire(timeout=PATIENCE)" in stack[-1]


async def test_it_is_said_again_at_twice_and_four_times_the_time(said: Said) -> None:
    with watching(0.1, HEARTBEAT, Told()):
        said.block_until_told(times=3)
    seconds = [float(str(line.keys["seconds"])) for line in said.lines]
    assert [took >= least for took, least in zip(seconds, (0.1, 0.2, 0.4), strict=True)] == [True] * 3


async def test_a_callback_that_blocks_the_loop_is_told_without_a_task(said: Said) -> None:
    told = Told()
    with watching(0.1, HEARTBEAT, told):
        asyncio.get_running_loop().call_soon(said.block_until_told)
        event = await asyncio.wait_for(told.first, PATIENCE)
    assert event.data["task"] == NO_TASK


async def test_a_handler_that_awaits_for_long_is_not_reported(said: Said) -> None:
    with watching(0.5, HEARTBEAT, Told()):
        await asyncio.sleep(1.5)
    assert said.lines == []


async def test_without_a_bound_nobody_watches(said: Said) -> None:
    before = watchers()
    with watching(None, HEARTBEAT, Told()):
        assert watchers() <= before


async def test_the_watch_ends_with_the_run() -> None:
    before = watchers()
    with watching(60, HEARTBEAT, Told()):
        [mine] = watchers() - before
    await asyncio.to_thread(mine.join, PATIENCE)
    assert not mine.is_alive()


def test_a_watch_whose_loop_is_closed_ends() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    LoopWatch(loop, 60, HEARTBEAT, lambda _: None).run()


STOPPED = """
import asyncio, logging, os, signal, time
from consumer.observe.loop_watch import watching
logging.basicConfig(level="DEBUG")
async def stopped():
    time.sleep(0.75)  # so that the watch has asked, and waits for its answer
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.3)  # so that the watch wakes before the loop can answer
    await asyncio.sleep(0.5)
async def main():
    with watching(1, 15, print):
        await asyncio.sleep(0.1)
        await stopped()
asyncio.run(main())
"""


def test_the_time_for_which_the_process_was_stopped_is_nobodys_fault() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    time.sleep(2.5)  # longer than the watch has patience, and than it can take for its own lateness
    child.send_signal(signal.SIGCONT)
    output, _ = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0
    assert "loop_stuck" not in output


@pytest.mark.parametrize(("given", "seconds"), [("none", None), ("0.5", 0.5)])
def test_how_long_a_handler_may_block_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, given: str, seconds: float | None
) -> None:
    monkeypatch.setenv("LASTCALL_BLOCKED_AFTER", given)
    assert Settings.load().blocked_after == seconds
