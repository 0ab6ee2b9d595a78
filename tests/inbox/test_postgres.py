"""The table: made once, used as it is, and refused with the mend where it can't serve."""

import asyncio
from secrets import token_hex

import psycopg
import pytest

from consumer.errors import ConfigurationError
from consumer.inbox import Claim, Claimed, PostgresInbox
from tests.inbox.conftest import OpenInbox
from tests.inbox.sides import Handled, PostgresStore
from tests.inbox.waiting import until

TABLE = (
    "key text PRIMARY KEY, owner text, completed boolean DEFAULT false, lease_until timestamptz, keep_until timestamptz"
)


def execute(store: PostgresStore, *statements: str) -> None:
    with psycopg.connect(store.server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def as_guest(store: PostgresStore, guest: str) -> str:
    return store.server.url.replace("inbox@", f"{guest}@")


@pytest.fixture
def guest(postgres_store: PostgresStore) -> str:
    name = f"guest_{token_hex(4)}"
    execute(postgres_store, f"CREATE ROLE {name} LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    return name


async def test_ten_workers_that_start_at_once_make_one_table(postgres_store: PostgresStore, opened: OpenInbox) -> None:
    await asyncio.gather(*(opened(postgres_store.inbox()) for _ in range(10)))
    assert postgres_store.rows() == 0


async def test_a_user_who_may_not_make_the_table_is_told_what_to_do(postgres_store: PostgresStore, guest: str) -> None:
    with pytest.raises(ConfigurationError, match=r"docs/inbox\.md"):
        await PostgresInbox(as_guest(postgres_store, guest), table=postgres_store.table).open()


async def test_a_user_who_lacks_a_privilege_is_told_which(postgres_store: PostgresStore, guest: str) -> None:
    table = postgres_store.table
    execute(postgres_store, f"CREATE TABLE {table} ({TABLE})", f"GRANT SELECT, INSERT ON {table} TO {guest}")
    with pytest.raises(ConfigurationError, match="lacks UPDATE, DELETE"):
        await PostgresInbox(as_guest(postgres_store, guest), table=table).open()


async def test_a_table_that_was_made_beforehand_needs_no_right_to_make_one(
    postgres_store: PostgresStore, guest: str, opened: OpenInbox
) -> None:
    table = postgres_store.table
    execute(
        postgres_store, f"CREATE TABLE {table} ({TABLE})", f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {guest}"
    )
    inbox = await opened(PostgresInbox(as_guest(postgres_store, guest), table=table))
    assert await inbox.claim("orders/1", "worker-a") is Claim.GRANTED


async def test_a_table_of_somebody_else_is_refused(postgres_store: PostgresStore) -> None:
    execute(postgres_store, f"CREATE TABLE {postgres_store.table} (key text, total integer)")
    with pytest.raises(ConfigurationError, match="table="):
        await postgres_store.inbox().open()


async def test_a_schema_can_be_named_and_must_be_there(postgres_store: PostgresStore, opened: OpenInbox) -> None:
    schema = f"app_{token_hex(4)}"
    with pytest.raises(ConfigurationError, match=schema):
        await postgres_store.inbox(table=f"{schema}.inbox").open()
    execute(postgres_store, f"CREATE SCHEMA {schema}")
    inbox = await opened(postgres_store.inbox(table=f"{schema}.inbox"))
    assert await inbox.claim("orders/1", "worker-a") is Claim.GRANTED


async def test_a_strict_default_isolation_of_the_database_changes_nothing(
    postgres_store: PostgresStore, opened: OpenInbox, guest: str
) -> None:
    execute(
        postgres_store,
        f"GRANT ALL ON SCHEMA public TO {guest}",
        f"ALTER ROLE {guest} SET default_transaction_isolation = 'serializable'",
    )
    inbox = PostgresInbox(as_guest(postgres_store, guest), table=postgres_store.table)
    await opened(inbox)
    await inbox.claim("orders/1", "worker-a")
    async with await psycopg.AsyncConnection.connect(postgres_store.server.url, autocommit=True) as connection:

        async def somebody_waits() -> bool:
            found = await connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return await found.fetchone() != (0,)

        async with connection.transaction():
            await inbox.complete_in(connection, Handled(Claimed("orders/1", "worker-a")))
            asked = asyncio.ensure_future(inbox.claim("orders/1", "worker-b"))
            await until(somebody_waits)
        assert await asked is Claim.COMPLETED
