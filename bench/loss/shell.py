"""Commands of this machine, beside our own loop.

May know: processes. May not know: brokers, stores.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

LIMIT = 120.0
"""Seconds that one command may take."""


class CommandFailedError(Exception):
    """A command ended with an error; the text is what it said."""


async def run(*command: str, user: str | None = None) -> str:
    """What the command says. Raises CommandFailedError."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, user=user, group=user, cwd="/"
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode(errors="replace").strip()
    if process.returncode:
        raise CommandFailedError(f"{' '.join(command)}: {text[-1000:]}")
    return text


async def docker(*arguments: str) -> str:
    """What `docker …` says. Raises CommandFailedError."""
    return await run("docker", *arguments)
