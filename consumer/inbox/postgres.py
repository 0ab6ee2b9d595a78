"""An inbox in PostgreSQL, where a completion can be part of the handler's own transaction.

May know: psycopg and its pool, the table's statements. May not know: the engine, other stores.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from consumer.errors import ClaimLost, ConfigurationError, InboxAway
from consumer.inbox.owner import HasClaim, claim_of
from consumer.inbox.port import Claim
from consumer.inbox.reaching import reaching
from consumer.inbox.terms import CLAIMS_BETWEEN_PURGES, KEEP, LEASE, PURGED_AT_ONCE, TIMEOUT, check_terms, storable

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg_pool import AsyncConnectionPool

    from consumer.inbox.postgres_table import prepare_table, statements
except ImportError as missing:
    raise ConfigurationError("PostgresInbox needs psycopg: pip install 'lastcall[postgres]'") from missing

_UNREADABLE = (
    "the dsn of a PostgresInbox can't be read: it takes postgresql://user:password@host:port/database (a password with"
    " / ? # @ or : in it must be percent-encoded) or `host=… dbname=…`"
)


class PostgresInbox:
    """For several machines that share a PostgreSQL (11 or later). Not through PgBouncer's transaction pooling.

    Args:
        dsn: `postgresql://user:password@host/database`, or `host=… dbname=…`.
        lease: seconds that a claim stands without being renewed.
        keep: seconds for which a completed message is remembered, at least.
        timeout: seconds that one call may take.
        table: made when absent; `schema.table` where the schema isn't in the search path.
        connections: how many connections at most, besides those of your handlers.

    Raises:
        ConfigurationError: psycopg is missing, the dsn can't be read, or the terms make no sense.
    """

    def __init__(
        self,
        dsn: str,
        *,
        lease: float = LEASE,
        keep: float = KEEP,
        timeout: float = TIMEOUT,
        table: str = "lastcall_inbox",
        connections: int = 4,
    ) -> None:
        check_terms(lease, keep, timeout)
        self.lease = lease
        self._terms = {"lease": timedelta(seconds=lease), "keep": timedelta(seconds=keep)}
        self._timeout = timeout
        self._table = table
        self._statements = statements(table)
        self._connections = connections
        self._conninfo, self._name = _read(dsn, timeout)
        self._pool: AsyncConnectionPool | None = None
        self._claims = 0

    async def open(self) -> None:
        """See Inbox."""
        if self._pool is not None:
            return
        async with reaching(self._name, self._timeout, psycopg.Error):
            async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                await self._configure(connection)
                await prepare_table(connection, self._table)
                await connection.execute(self._statements.purge, (PURGED_AT_ONCE,))
            pool = AsyncConnectionPool(
                self._conninfo,
                kwargs={"autocommit": True},
                configure=self._configure,
                min_size=1,
                max_size=self._connections,
                timeout=self._timeout,
                open=False,
            )
            await pool.open()
        self._pool = pool

    async def close(self) -> None:
        """See Inbox."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            async with reaching(self._name, self._timeout, psycopg.Error):
                await pool.close()

    async def claim(self, key: str, owner: str) -> Claim:
        """See Inbox."""
        asked = self._asked(key, owner)
        async with self._connected() as connection:
            self._claims += 1
            if self._claims % CLAIMS_BETWEEN_PURGES == 0:
                await connection.execute(self._statements.purge, (PURGED_AT_ONCE,))
            try:
                claimed = await connection.execute(self._statements.claim, asked)
            except psycopg.errors.LockNotAvailable:
                return Claim.HELD  # it is being completed in a transaction that has not ended
            if claimed.rowcount:
                return Claim.GRANTED
            found = await connection.execute(self._statements.is_completed, asked)
            return Claim.COMPLETED if await found.fetchone() == (True,) else Claim.HELD

    async def renew(self, keys: Collection[str], owner: str) -> set[str]:
        """See Inbox."""
        stored = {storable(key): key for key in keys}
        asked = {"keys": list(stored), "owner": owner, **self._terms}
        async with self._connected() as connection:
            renewed = await connection.execute(self._statements.renew, asked)
            return {stored[key] for (key,) in await renewed.fetchall()}

    async def complete(self, key: str, owner: str) -> bool:
        """See Inbox."""
        async with self._connected() as connection:
            return (await connection.execute(self._statements.complete, self._asked(key, owner))).rowcount == 1

    async def release(self, key: str, owner: str) -> None:
        """See Inbox."""
        async with self._connected() as connection:
            await connection.execute(self._statements.release, self._asked(key, owner))

    async def complete_in(self, connection: psycopg.AsyncConnection[Any], delivery: HasClaim) -> None:
        """Complete the delivery's message in your transaction: if it commits, so is the completion; else neither is.

        Let what this raises leave your transaction, so that it is rolled back. Errors of your connection are psycopg's.

        Raises:
            ClaimLost: The claim expired and was taken over: another worker runs the message, or has run it.
            ConfigurationError: The delivery has no claim, or the connection no transaction.
        """
        asked = self._completion(connection, delivery)
        self._check((await connection.execute(self._statements.complete, asked)).rowcount, delivery)

    def complete_in_sync(self, connection: psycopg.Connection[Any], delivery: HasClaim) -> None:
        """The same as `complete_in` for a plain handler and its plain connection."""
        asked = self._completion(connection, delivery)
        self._check(connection.execute(self._statements.complete, asked).rowcount, delivery)

    def _completion(
        self, connection: "psycopg.BaseConnection[Any]", delivery: HasClaim
    ) -> Mapping[str, str | timedelta]:
        claim = claim_of(delivery)
        outside = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if outside and connection.autocommit:
            raise ConfigurationError(
                "complete_in belongs in your transaction, and this connection has none and commits by itself:"
                " call it inside `async with connection.transaction():`"
            )
        return self._asked(claim.key, claim.owner)

    def _check(self, completed: int, delivery: HasClaim) -> None:
        if not completed:
            raise ClaimLost(
                f"the claim on {claim_of(delivery).key} is no longer ours in {self._table}: it expired, and was taken"
                " over. Roll the transaction back; whoever has it runs the message"
            )

    def _asked(self, key: str, owner: str) -> Mapping[str, str | timedelta]:
        return {"key": storable(key), "owner": owner, **self._terms}

    @asynccontextmanager
    async def _connected(self) -> "AsyncIterator[psycopg.AsyncConnection[Any]]":
        if self._pool is None:
            raise InboxAway(f"the inbox {self._name} is not open: `await inbox.open()` first")
        async with reaching(self._name, self._timeout, psycopg.Error), self._pool.connection() as connection:
            yield connection

    async def _configure(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        # Each statement stands alone and meets the newest row, whatever the database's default is; a row that a
        # handler's transaction has locked is not waited for.
        milliseconds = round(self._timeout * 1000)
        await connection.execute(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;"
            f"SET lock_timeout = {min(500, max(1, milliseconds // 4))}; SET statement_timeout = {milliseconds}".encode()
        )

    def __repr__(self) -> str:
        return f"<PostgresInbox {self._name} {self._table}>"


def _read(dsn: str, timeout: float) -> tuple[str, str]:
    """What to connect with, and what to call it where passwords must not be seen."""
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise ConfigurationError(_UNREADABLE) from None  # the driver's text may quote the password
    host, port, database = (str(given.get(name) or "") for name in ("host", "port", "dbname"))
    if "@" in database or not f"0{port}".replace(",", "").isdigit():
        raise ConfigurationError(_UNREADABLE)
    defaults: dict[str, Any] = {"connect_timeout": max(2, round(timeout)), "application_name": "lastcall inbox"}
    return make_conninfo(**defaults | given), f"{host}:{port}/{database}"
