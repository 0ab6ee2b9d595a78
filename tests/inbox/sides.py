"""The three stores as the contract suite sees them: inboxes on one and the same store, which can go away.

May know: the inboxes, their servers, the stores' own clients. May not know: what is promised.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
import redis

from consumer.inbox import Inbox, PostgresInbox, RedisInbox, SqliteInbox
from tests.inbox.servers import PostgresServer, RedisServer, Server


class Store(ABC):
    @abstractmethod
    def inbox(self, **terms: Any) -> Inbox:
        """One more inbox on this store, as another worker would have it."""

    @abstractmethod
    @contextmanager
    def away(self) -> Iterator[None]:
        """The store serves nobody meanwhile."""
        yield

    @abstractmethod
    def rows(self) -> int:
        """How many messages the store knows."""


class SqliteStore(Store):
    def __init__(self, path: Path) -> None:
        self.path = path

    def inbox(self, **terms: Any) -> SqliteInbox:
        return SqliteInbox(self.path, **terms)

    @contextmanager
    def away(self) -> Iterator[None]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield

    def rows(self) -> int:
        with closing(sqlite3.connect(self.path)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM lastcall_inbox").fetchone()
        return int(count)


class ServedStore(Store):
    def __init__(self, server: Server) -> None:
        self.server = server

    @contextmanager
    def away(self) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()


class RedisStore(ServedStore):
    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self._prefix = f"{token_hex(4)}:"

    def inbox(self, **terms: Any) -> RedisInbox:
        return RedisInbox(self.server.url, prefix=self._prefix, **terms)

    def rows(self) -> int:
        with redis.Redis.from_url(self.server.url) as client:
            return sum(1 for _ in client.scan_iter(f"{self._prefix}*"))


class PostgresStore(ServedStore):
    def __init__(self, server: PostgresServer) -> None:
        super().__init__(server)
        self.table = f"inbox_{token_hex(4)}"

    def inbox(self, **terms: Any) -> PostgresInbox:
        return PostgresInbox(self.server.url, **{"table": self.table, **terms})

    def rows(self) -> int:
        with psycopg.connect(self.server.url) as connection:
            found = connection.execute(f'SELECT count(*) FROM "{self.table}"'.encode()).fetchone()
        assert found is not None
        return int(found[0])


@dataclass
class Handled:
    """A delivery as `complete_in` takes it."""

    claim: Any
