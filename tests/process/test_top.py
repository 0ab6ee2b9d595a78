"""`lastcall top` finds this machine's workers, shows who is busy, who drains and who is gone, and ends quietly."""

import asyncio
import json
import os
import pty
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from .harness import PATIENCE, WorkerProcess, Workers
from .queues import Jobs
from .test_health import HEALTH, port_of
from .wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]

ROOT = Path(__file__).parents[2]
TOP = (sys.executable, "-m", "consumer", "top")
ONE_AT_A_TIME = (*HEALTH, "--prefetch", "1", "--concurrency", "1")
LEAVES_THE_SCREEN = "\x1b[?1049l"


@pytest.fixture
def places(tmp_path: Path) -> Mapping[str, str]:
    """Where workers of this test leave their notes, and nobody else."""
    return {"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}


async def top(places: Mapping[str, str], *words: str) -> tuple[int | None, str]:
    """Its exit code, and what it prints where there is no terminal."""
    child = await asyncio.create_subprocess_exec(
        *TOP, *words, cwd=ROOT, env={**os.environ, **places}, stdin=DEVNULL, stdout=PIPE
    )
    out, _ = await child.communicate()
    return child.returncode, out.decode()


async def holding(workers: Workers, jobs: Jobs, places: Mapping[str, str]) -> tuple[WorkerProcess, str]:
    """A worker whose handler runs until the gate opens, and its message's id."""
    [message_id] = await jobs.publish(1, "hold")
    worker = await workers.start(*ONE_AT_A_TIME, env=places)
    await worker.until("started", message_id=message_id)
    return worker, message_id


async def test_workers_are_found_and_shown_as_busy_draining_and_gone(
    workers: Workers, jobs: Jobs, gate: Gate, places: Mapping[str, str]
) -> None:
    busy, held = await holding(workers, jobs, places)
    draining, waited_for = await holding(workers, jobs, places)
    gone = await workers.consuming(*ONE_AT_A_TIME, env=places)
    addresses = [f"127.0.0.1:{await port_of(worker)}" for worker in (busy, draining, gone)]
    draining.signal(SIGTERM)
    await draining.until("drain_started")
    gone.signal(SIGKILL)
    await gone.exit()

    code, out = await top(places, "--json")
    found = {each["status"]["pid"]: each["status"] for each in json.loads(out)["workers"]}
    assert code == 0
    assert found.keys() == {busy.pid, draining.pid}
    assert [each["message_id"] for each in found[busy.pid]["in_flight"]] == [held]
    assert found[draining.pid]["drain"]["reason"] == "SIGTERM"

    code, out = await top(places, *addresses)
    assert code == 1
    assert "3 workers: 1 consuming, 1 draining, 1 not reached   2 in flight" in out
    assert re.search(
        rf" {draining.pid} drains for .* \(SIGTERM\) and waits for 1:\n +\S+ s  {waited_for}, handler", out
    )
    assert f"{addresses[2]}: nothing listens there" in out

    gate.open()
    assert await draining.exit() == 0


async def test_two_looks_tell_how_much_is_settled_a_second(
    workers: Workers, jobs: Jobs, places: Mapping[str, str]
) -> None:
    worker = await workers.consuming(*HEALTH, env=places)
    looking = asyncio.create_task(top(places, "--once", "--json", "--every", "0.5"))
    while not looking.done():
        await jobs.publish(5, "return")
    [told] = json.loads((await looking)[1])["workers"]

    assert told["status"]["pid"] == worker.pid
    assert told["ended_per_second"][jobs.queue.name]["completed"] > 0


async def test_a_worker_without_health_is_not_found_and_the_mend_is_told(
    workers: Workers, places: Mapping[str, str]
) -> None:
    await workers.consuming(env=places)
    code, out = await top(places)

    assert code == 1
    assert "--health ADDRESS" in out


class Terminal:
    """A terminal that a program writes to; all that it has written so far."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.written = ""
        self._reader = reader

    async def until(self, text: str, count: int = 1) -> None:
        """Until it has written this so often."""
        async with asyncio.timeout(PATIENCE):
            while self.written.count(text) < count:
                self.written += (await self._reader.read(65_536)).decode()


@asynccontextmanager
async def on_a_terminal(places: Mapping[str, str], *words: str) -> AsyncIterator[tuple[Process, Terminal]]:
    ours, its = pty.openpty()
    environment = {**os.environ, **places, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    child = await asyncio.create_subprocess_exec(*TOP, *words, cwd=ROOT, env=environment, stdin=DEVNULL, stdout=its)
    os.close(its)
    reader = asyncio.StreamReader()
    with os.fdopen(ours, "rb", buffering=0) as pipe:
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
        try:
            yield child, Terminal(reader)
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()
            transport.close()


@pytest.mark.parametrize("signal", [SIGINT, SIGTERM])
async def test_on_a_terminal_it_looks_again_and_again_until_it_is_told_to_end(
    workers: Workers, places: Mapping[str, str], signal: int
) -> None:
    worker = await workers.consuming(*HEALTH, env=places)
    async with on_a_terminal(places, "--every", "0.2") as (child, terminal):
        await terminal.until(str(worker.pid), 3)
        child.send_signal(signal)
        await terminal.until(LEAVES_THE_SCREEN)

        assert await child.wait() == 0
        assert "Traceback" not in terminal.written
        assert "Aborted" not in terminal.written
