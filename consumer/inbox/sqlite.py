"""An inbox in an SQLite file, which the workers of one machine share.

May know: the file's calls, one thread, sqlite3's errors. May not know: SQL, the engine, other stores.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from consumer.errors import ConfigurationError, InboxAway
from consumer.inbox.port import Claim
from consumer.inbox.sqlite_file import SqliteFile
from consumer.inbox.terms import KEEP, LEASE, TIMEOUT, check_terms, storable

T = TypeVar("T")

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SqliteInbox:
    """For one machine, or for tests: several processes may share the file, a network file system may not hold it.

    Args:
        path: the file; made when absent, its directory isn't.
        lease: seconds that a claim stands without being renewed.
        keep: seconds for which a completed message is remembered, at least.
        timeout: seconds that one call waits while other processes write.

    Raises:
        ConfigurationError: The terms make no sense.
    """

    def __init__(self, path: str | Path, *, lease: float = LEASE, keep: float = KEEP, timeout: float = TIMEOUT) -> None:
        check_terms(lease, keep, timeout)
        self.lease = lease
        self._path = Path(path)
        self._keep = keep
        self._timeout = timeout
        self._file: SqliteFile | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """See Inbox."""
        if self._file is not None:
            return
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lastcall-inbox")
        try:
            self._file = await self._in_thread(self._open)
        finally:
            if self._file is None:
                self._thread.shutdown(wait=False)

    async def close(self) -> None:
        """See Inbox."""
        if self._file is None or self._thread is None:
            return
        file, self._file = self._file, None
        await self._in_thread(file.close)
        self._thread.shutdown(wait=False)

    async def claim(self, key: str, owner: str) -> Claim:
        """See Inbox."""
        file = self._opened()
        return await self._in_thread(lambda: file.claim(storable(key), owner))

    async def renew(self, keys: Collection[str], owner: str) -> set[str]:
        """See Inbox."""
        file = self._opened()
        stored = {storable(key): key for key in keys}
        return {stored[key] for key in await self._in_thread(lambda: file.renew(stored, owner))}

    async def complete(self, key: str, owner: str) -> bool:
        """See Inbox."""
        file = self._opened()
        return await self._in_thread(lambda: file.complete(storable(key), owner))

    async def release(self, key: str, owner: str) -> None:
        """See Inbox."""
        file = self._opened()
        await self._in_thread(lambda: file.release(storable(key), owner))

    def _open(self) -> SqliteFile:
        try:
            return SqliteFile(self._path, lease=self.lease, keep=self._keep, timeout=self._timeout)
        except sqlite3.Error as error:
            if error.sqlite_errorcode in _BUSY:
                raise
            raise ConfigurationError(
                f"{self._path} can't be used as an inbox: {error}. It takes a path to an SQLite file, or to none yet,"
                " in a directory that exists and that this user may write to"
            ) from error

    def _opened(self) -> SqliteFile:
        if self._file is None:
            raise InboxAway(f"the inbox {self._path} is not open: `await inbox.open()` first")
        return self._file

    async def _in_thread(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except sqlite3.Error as error:
            raise InboxAway(
                f"the inbox {self._path} didn't serve within {self._timeout:g} s: {error}. Is another process holding"
                " the file for long, or its disk full?"
            ) from error

    def __repr__(self) -> str:
        return f"<SqliteInbox {self._path}>"
