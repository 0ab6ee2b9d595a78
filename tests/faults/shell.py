"""Commands of this machine, run beside the test's own loop.

May know: processes. May not know: what the commands do.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

LIMIT = 90.0
"""Seconds that one command may take."""


async def run(*command: str) -> str:
    """What the command said; AssertionError when it failed."""
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    text = said.decode(errors="replace")
    assert process.returncode == 0, f"{' '.join(command)} failed:\n{text[-2000:]}"
    return text


async def until_said(marker: str, *command: str) -> None:
    """Until a line of the command's holds the marker; the command is ended then."""
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    try:
        async with asyncio.timeout(LIMIT):
            assert process.stdout is not None
            async for line in process.stdout:
                if marker in line.decode(errors="replace"):
                    return
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
    raise AssertionError(f"{' '.join(command)} ended without {marker!r}")
