"""A PostgreSQL of our own on loopback, and the table of effects that handlers write in it.

May know: PostgreSQL's programs, psycopg. May not know: brokers, workers.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg

from bench.loss.shell import CommandFailedError, run

USER = "postgres" if os.getuid() == 0 else None
"""PostgreSQL refuses root."""


def programs() -> Path | None:
    """Where PostgreSQL's programs are; None when it isn't installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    path = str(found[-1]) if found else shutil.which("pg_ctl")
    return Path(path).resolve().parent if path else None


@asynccontextmanager
async def postgres(at: Path) -> AsyncIterator[str]:
    """The address of a fresh server, for as long as the block lasts, with an empty table of effects."""
    folder, port = _folder(), _free_port()
    data, options = (
        f"{folder}/data",
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}",
    )
    try:
        await run(f"{at}/initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync", user=USER)
        await run(f"{at}/pg_ctl", "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start", user=USER)
        address = f"postgresql://bench@127.0.0.1:{port}/postgres"
        async with await psycopg.AsyncConnection.connect(address) as connection:
            await connection.execute("CREATE TABLE effects (message_id text)")
        yield address
    finally:
        with suppress(CommandFailedError):  # it was never started
            await run(f"{at}/pg_ctl", "-D", data, "-m", "immediate", "stop", user=USER)
        shutil.rmtree(folder, ignore_errors=True)


async def effects(address: str) -> tuple[int, int]:
    """How many messages have had their effect, and how many of them more than once."""
    count = "SELECT count(*), count(*) FILTER (WHERE n > 1) FROM (SELECT count(*) n FROM effects GROUP BY message_id) e"
    async with await psycopg.AsyncConnection.connect(address) as connection:
        row = await (await connection.execute(count)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _folder() -> str:
    folder = tempfile.mkdtemp(prefix="loss-figures-")
    if USER:
        shutil.chown(folder, USER, USER)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
