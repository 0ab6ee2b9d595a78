"""The demonstration: at a signal the unshielded tasks are cancelled, the shielded end, and then the process does."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


async def output_of(program: str) -> list[str]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", f"examples.shielding.{program}"),
        cwd=ROOT,
        env={"LASTCALL_LOG_LEVEL": "error"},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, complaints = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert (child.returncode, complaints.decode()) == (0, "")
    return said.decode().splitlines()


@pytest.mark.parametrize("program", ["plain_asyncio", "aiorun_waits_for", "trio_nursery", "worker_shield"])
async def test_the_unshielded_are_cancelled_at_once_and_the_shielded_run_to_their_end(program: str) -> None:
    lines = await output_of(program)
    words = [line.split("  ", 1)[1] for line in lines]
    seconds = [float(line.split(" s  ")[0]) for line in lines]
    assert words[0] == "told to stop"
    assert sorted(words[1:4]) == [f"unshielded {number} cancelled" for number in (1, 2, 3)]
    assert sorted(words[4:7]) == [f"shielded {number} finished" for number in (1, 2, 3)]
    assert words[7:] == ["the end"]
    assert seconds[3] - seconds[0] < 0.5
