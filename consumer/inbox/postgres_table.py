"""The table in PostgreSQL: its statements, and making it and looking at it when an inbox opens.

May know: psycopg, SQL. May not know: pools, the engine. All times are the database's.
"""

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import AsyncConnection, errors, sql

from consumer.errors import ConfigurationError

_TABLE: LiteralString = """
CREATE TABLE {table} (
    key text PRIMARY KEY,
    owner text NOT NULL,
    completed boolean NOT NULL DEFAULT false,
    lease_until timestamptz NOT NULL,
    keep_until timestamptz NOT NULL
)"""
_INDEX: LiteralString = "CREATE INDEX ON {table} (keep_until)"
_LOOK: LiteralString = "SELECT key, owner, completed, lease_until, keep_until FROM {table} LIMIT 0"
_MAY: LiteralString = """
SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE NOT has_table_privilege(%s, privilege)"""

_CLAIM: LiteralString = """
INSERT INTO {table} AS held (key, owner, lease_until, keep_until)
VALUES (%(key)s, %(owner)s, clock_timestamp() + %(lease)s, clock_timestamp() + %(keep)s)
ON CONFLICT (key) DO UPDATE
SET owner = excluded.owner, lease_until = excluded.lease_until, keep_until = excluded.keep_until
WHERE NOT held.completed AND (held.owner = excluded.owner OR held.lease_until <= clock_timestamp())"""
_IS_COMPLETED: LiteralString = "SELECT completed FROM {table} WHERE key = %(key)s"
# A row that is locked is being completed in its handler's transaction, or taken over: it isn't waited for, lest the
# other leases end meanwhile. In the first case it stays ours, in the second the next renewal tells.
_RENEW: LiteralString = """
WITH free AS (
    SELECT key FROM {table} WHERE key = ANY (%(keys)s) AND owner = %(owner)s FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE {table} AS held
    SET lease_until = clock_timestamp() + %(lease)s, keep_until = clock_timestamp() + %(keep)s
    FROM free WHERE held.key = free.key
)
SELECT key FROM {table} WHERE key = ANY (%(keys)s) AND owner = %(owner)s"""
_COMPLETE: LiteralString = """
UPDATE {table} SET completed = true, keep_until = clock_timestamp() + %(keep)s
WHERE key = %(key)s AND owner = %(owner)s"""
_RELEASE: LiteralString = "DELETE FROM {table} WHERE key = %(key)s AND owner = %(owner)s AND NOT completed"
_PURGE: LiteralString = """
DELETE FROM {table} WHERE key IN (
    SELECT key FROM {table} WHERE keep_until <= now() LIMIT %s FOR UPDATE SKIP LOCKED
)"""


@dataclass(frozen=True)
class Statements:
    """What is asked of one table."""

    claim: bytes
    is_completed: bytes
    renew: bytes
    complete: bytes
    release: bytes
    purge: bytes


def identifier(table: str) -> sql.Identifier:
    """The table's name as it stands in a statement; `schema.table` names both."""
    return sql.Identifier(*table.split("."))


def statements(table: str) -> Statements:
    """Every statement, made out to this table."""
    asked = (_CLAIM, _IS_COMPLETED, _RENEW, _COMPLETE, _RELEASE, _PURGE)
    return Statements(*(_made_out(text, table).as_bytes(None) for text in asked))


async def prepare_table(connection: AsyncConnection[Any], table: str) -> None:
    """Create the table where it is absent, and make sure that it is one of ours and may be used.

    Raises:
        ConfigurationError: It isn't, or may not; the text says the mend.
    """
    try:
        async with connection.transaction():
            # Two workers that start at once would both find no table, and one would fail.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"lastcall {table}",))
            if await _is_absent(connection, table):
                await connection.execute(_made_out(_TABLE, table))
                await connection.execute(_made_out(_INDEX, table))
        await connection.execute(_made_out(_LOOK, table))
        name = identifier(table).as_string(None)
        missing = await (await connection.execute(_MAY, (name,))).fetchall()
    except errors.InsufficientPrivilege as refused:
        raise ConfigurationError(
            f"the inbox's table {table} can't be made or read by this user: {refused}. Make it as docs/inbox.md says"
            " and grant the user SELECT, INSERT, UPDATE and DELETE on it"
        ) from refused
    except (errors.UndefinedColumn, errors.InvalidSchemaName, errors.WrongObjectType) as unfit:
        raise ConfigurationError(
            f"the inbox's table {table} can't be used: {unfit}. Name another one with `table=`, or make it as"
            " docs/inbox.md says"
        ) from unfit
    if missing:
        lacking = ", ".join(privilege for (privilege,) in missing)
        raise ConfigurationError(f"the user lacks {lacking} on the inbox's table {table}: grant it")


async def _is_absent(connection: AsyncConnection[Any], table: str) -> bool:
    found = await connection.execute("SELECT to_regclass(%s) IS NULL", (identifier(table).as_string(None),))
    return await found.fetchone() == (True,)


def _made_out(text: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(text).format(table=identifier(table))
