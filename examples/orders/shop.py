"""The shop's books in SQLite: what was charged, what was mailed, and how often each was tried.

May know: SQLite, threads. May not know: queues, messages, the worker.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS charges (
    key TEXT PRIMARY KEY,        -- the idempotency key: a second try finds the first one's row
    order_id TEXT NOT NULL,
    cents INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 1  -- more than 1: run again, and charged once all the same
);
CREATE TABLE IF NOT EXISTS receipts (
    key TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    email TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 1
);
"""
CHARGE = """
INSERT INTO charges (key, order_id, cents) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1
"""
RECEIPT = """
INSERT INTO receipts (key, order_id, email) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1
"""


class Shop:
    """One connection, used by one thread: nobody on the event loop ever waits for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shop")

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open the books, shared with the other workers of this machine, and close them at the end."""
        with self._thread:
            self._connection = self._thread.submit(_connect, self._path).result()
            try:
                yield
            finally:
                self._thread.submit(self._connection.close).result()

    async def charge(self, key: str, order_id: str, cents: int) -> None:
        """Book a charge; with a key that is known already, count the attempt and change nothing else."""
        await asyncio.wrap_future(self._write(CHARGE, (key, order_id, cents)))

    def receipt(self, key: str, order_id: str, email: str) -> None:
        """Book a receipt that was mailed, from a plain function in a thread of its own."""
        self._write(RECEIPT, (key, order_id, email)).result()

    def _write(self, statement: str, row: tuple[str, str, int | str]) -> Future[None]:
        return self._thread.submit(self._commit, statement, row)

    def _commit(self, statement: str, row: tuple[str, str, int | str]) -> None:
        with self._connection:
            self._connection.execute(statement, row)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30)  # seconds to wait for another worker's write
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(TABLES)
    return connection
