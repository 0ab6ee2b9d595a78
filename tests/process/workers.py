"""The workers that the tests run in processes of their own: what a job does stands in the job.

May know: what a user of the package knows. May not know: the package's insides, the tests.
"""

import asyncio
import os
import re
import socket
import sqlite3
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass

from consumer import Delivery, Worker

LONG = 60.0
"""Seconds: longer than any test waits."""

worker = Worker()
threaded = Worker()
processed = Worker()
leaving = Worker()
publishing = Worker()
_started = asyncio.Event()


@dataclass
class Job:
    do: str


@worker.handler("jobs")
async def work(job: Job) -> None:
    _started.set()
    await BEHAVIOURS[job.do]()


@threaded.handler("jobs")
def work_in_a_thread(job: Job) -> None:
    hold_this_thread()


@processed.handler("jobs", executor="process")
def work_in_a_process(job: Job) -> None:
    say(f"child {os.getpid()}")
    IN_A_PROCESS[job.do]()
    say("done")


leaving.handler("jobs")(work)


@publishing.handler("jobs")
async def work_and_publish(job: Job, delivery: Delivery) -> None:
    await BEHAVIOURS[job.do]()
    await delivery.publish(b"{}", routing_key=f"{delivery.queue}.parked")  # a queue that is there, whatever it is for


@leaving.background
async def leave_after_the_first_start() -> None:
    await _started.wait()
    sys.exit(7)


async def return_at_once() -> None:
    """The plainest job."""


async def take_a_moment() -> None:
    await asyncio.sleep(0.02)


async def hold() -> None:
    """Until the test opens its gate."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["GATE"]))
    try:
        await reader.read()
    finally:
        writer.close()


async def swallow_cancellation() -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(LONG)


async def block_the_loop() -> None:
    time.sleep(LONG)  # noqa: ASYNC251 - the mistake that the test is about


async def block_the_loop_for_a_while() -> None:
    time.sleep(3)  # noqa: ASYNC251 - the mistake that the test is about


async def block_the_loop_in_c() -> None:
    """A query without end: no Python code runs on the main thread any more, no signal handler either."""
    endless = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(endless).fetchall()


async def hold_in_a_thread() -> None:
    await asyncio.to_thread(hold_this_thread)


async def leave_a_thread_behind() -> None:
    asyncio.get_running_loop().run_in_executor(None, hold_this_thread)


async def hold_the_interpreter() -> None:
    """A thread of the user's that is no daemon: Python waits for it when the main thread has ended."""

    def outlive_the_main_thread() -> None:
        threading.main_thread().join()
        say("the main thread has ended")
        hold_this_thread()

    threading.Thread(target=outlive_the_main_thread).start()


async def clog_the_log() -> None:
    """Nobody reads our stderr any more: it is a pipe, and full."""
    _read, write = os.pipe()
    os.set_blocking(write, False)
    with suppress(BlockingIOError):
        while True:
            os.write(write, bytes(4096))
    os.set_blocking(write, True)
    os.dup2(write, sys.stderr.fileno())


def hold_this_thread() -> None:
    with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
        gate.recv(1)


def keep_this_process_busy() -> None:
    """In C code that lets no Python code run beside it: not even a signal's handler."""
    say("busy")
    re.match(r"(a+)+$", "a" * 64 + "b")


def hold_this_process_come_what_may() -> None:
    while True:
        with suppress(BaseException):
            hold_this_thread()


def say(text: str) -> None:
    """In one write: others write into the same pipe (where Python does not buffer, `print` makes two of it)."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


IN_A_PROCESS = {
    "hold": hold_this_thread,
    "swallow": hold_this_process_come_what_may,
    "be busy": keep_this_process_busy,
}

BEHAVIOURS = {
    "return": return_at_once,
    "take a moment": take_a_moment,
    "hold": hold,
    "swallow cancellation": swallow_cancellation,
    "block the loop": block_the_loop,
    "block the loop for a while": block_the_loop_for_a_while,
    "block the loop in C": block_the_loop_in_c,
    "hold in a thread": hold_in_a_thread,
    "clog the log": clog_the_log,
    "leave a thread behind": leave_a_thread_behind,
    "hold the interpreter": hold_the_interpreter,
}
