"""The table in the SQLite file, and what is asked of it: plain, blocking calls, all from one thread.

May know: sqlite3, this machine's clock (the one that all who share the file have). May not know: asyncio.
"""

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from consumer.errors import ConfigurationError
from consumer.inbox.port import Claim
from consumer.inbox.terms import CLAIMS_BETWEEN_PURGES, PURGED_AT_ONCE

_TABLE = """
CREATE TABLE IF NOT EXISTS lastcall_inbox (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0,
    lease_until REAL NOT NULL,
    keep_until REAL NOT NULL
)"""
_INDEX = "CREATE INDEX IF NOT EXISTS lastcall_inbox_keep_until ON lastcall_inbox (keep_until)"
_CLAIM = """
INSERT INTO lastcall_inbox (key, owner, lease_until, keep_until) VALUES (:key, :owner, :lease_until, :keep_until)
ON CONFLICT (key) DO UPDATE
SET owner = excluded.owner, lease_until = excluded.lease_until, keep_until = excluded.keep_until
WHERE NOT completed AND (owner = excluded.owner OR lease_until <= :now)"""
_IS_COMPLETED = "SELECT completed FROM lastcall_inbox WHERE key = ?"
_RENEW = "UPDATE lastcall_inbox SET lease_until = ?, keep_until = ? WHERE key = ? AND owner = ?"
_COMPLETE = "UPDATE lastcall_inbox SET completed = 1, keep_until = ? WHERE key = ? AND owner = ?"
_RELEASE = "DELETE FROM lastcall_inbox WHERE key = ? AND owner = ? AND NOT completed"
_PURGE = """
DELETE FROM lastcall_inbox
WHERE key IN (SELECT key FROM lastcall_inbox WHERE keep_until <= ? LIMIT ?)"""


class SqliteFile:
    """One connection to the file, for the thread that made it."""

    def __init__(self, path: Path, *, lease: float, keep: float, timeout: float) -> None:
        self._lease = lease
        self._keep = keep
        self._claims = 0
        self._connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
        try:
            self._prepare(path)
        except BaseException:
            self._connection.close()
            raise

    def claim(self, key: str, owner: str) -> Claim:
        """See Inbox."""
        self._claims += 1
        if self._claims % CLAIMS_BETWEEN_PURGES == 0:
            self._purge()
        now = time.time()
        asked = {
            "key": key,
            "owner": owner,
            "now": now,
            "lease_until": now + self._lease,
            "keep_until": now + self._keep,
        }
        if self._changed(_CLAIM, asked):
            return Claim.GRANTED
        with closing(self._connection.execute(_IS_COMPLETED, (key,))) as found:
            return Claim.COMPLETED if found.fetchone() == (1,) else Claim.HELD

    def renew(self, keys: Iterable[str], owner: str) -> set[str]:
        """See Inbox."""
        now = time.time()
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            return {key for key in keys if self._changed(_RENEW, (now + self._lease, now + self._keep, key, owner))}

    def complete(self, key: str, owner: str) -> bool:
        """See Inbox."""
        return self._changed(_COMPLETE, (time.time() + self._keep, key, owner))

    def release(self, key: str, owner: str) -> None:
        """See Inbox."""
        self._changed(_RELEASE, (key, owner))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _prepare(self, path: Path) -> None:
        with closing(self._connection.execute("PRAGMA journal_mode = WAL")) as answer:
            (mode,) = answer.fetchone()
        if mode != "wal":
            raise ConfigurationError(
                f"SQLite can't write its log beside {path} (the journal mode is {mode}): the path must be a file on a"
                " disk of this machine, no network file system and not :memory:"
            )
        self._connection.execute("PRAGMA synchronous = FULL")  # what is completed outlives a power cut
        self._connection.execute(_TABLE)
        self._connection.execute(_INDEX)
        self._purge()

    def _purge(self) -> None:
        self._changed(_PURGE, (time.time(), PURGED_AT_ONCE))

    def _changed(self, statement: str, parameters: tuple[object, ...] | dict[str, object]) -> bool:
        with closing(self._connection.execute(statement, parameters)) as done:
            return done.rowcount > 0
