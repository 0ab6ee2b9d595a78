"""A completion in the handler's own transaction stands or falls with it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from consumer.errors import ClaimLost, ConfigurationError, InboxAway
from consumer.inbox import Claim, Claimed, PostgresInbox
from tests.inbox.sides import Handled, PostgresStore
from tests.inbox.waiting import taken_over, until

A, B = "worker-a", "worker-b"
KEY = "orders/1"
DELIVERY = Handled(Claimed(KEY, A))

Connection = psycopg.AsyncConnection[Any]


@pytest.fixture
async def mine(postgres_store: PostgresStore) -> AsyncIterator[Connection]:
    """The user's own connection, and a table `effects` to write to."""
    async with await psycopg.AsyncConnection.connect(postgres_store.server.url) as connection:
        await connection.execute("CREATE TEMPORARY TABLE effects (what text)")
        await connection.commit()
        yield connection


async def effects(connection: Connection) -> int:
    found = await (await connection.execute("SELECT count(*) FROM effects")).fetchone()
    assert found is not None
    return int(found[0])


async def test_a_commit_completes_the_message(postgres_inbox: PostgresInbox, mine: Connection) -> None:
    await postgres_inbox.claim(KEY, A)
    async with mine.transaction():
        await mine.execute("INSERT INTO effects VALUES ('charged')")
        await postgres_inbox.complete_in(mine, DELIVERY)
    assert await postgres_inbox.claim(KEY, B) is Claim.COMPLETED
    assert await postgres_inbox.complete(KEY, A)
    assert await effects(mine) == 1


async def test_a_rollback_completes_nothing(postgres_inbox: PostgresInbox, mine: Connection) -> None:
    await postgres_inbox.claim(KEY, A)

    async def handler() -> None:
        async with mine.transaction():
            await postgres_inbox.complete_in(mine, DELIVERY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await handler()
    assert await postgres_inbox.claim(KEY, A) is Claim.GRANTED
    await postgres_inbox.release(KEY, A)
    assert await postgres_inbox.claim(KEY, B) is Claim.GRANTED


async def test_who_failed_after_the_commit_is_not_run_again(postgres_inbox: PostgresInbox, mine: Connection) -> None:
    await postgres_inbox.claim(KEY, A)
    async with mine.transaction():
        await postgres_inbox.complete_in(mine, DELIVERY)
    await postgres_inbox.release(KEY, A)
    assert await postgres_inbox.claim(KEY, A) is Claim.COMPLETED


async def test_a_claim_that_was_taken_over_rolls_the_transaction_back(
    postgres_inbox: PostgresInbox, mine: Connection
) -> None:
    await postgres_inbox.claim(KEY, A)
    await taken_over(postgres_inbox, KEY, B)

    async def handler() -> None:
        async with mine.transaction():
            await mine.execute("INSERT INTO effects VALUES ('charged')")
            await postgres_inbox.complete_in(mine, DELIVERY)

    with pytest.raises(ClaimLost, match=KEY):
        await handler()
    assert await effects(mine) == 0
    assert await postgres_inbox.complete(KEY, B)


async def test_whoever_takes_over_meanwhile_waits_for_the_verdict_of_the_transaction(
    postgres_inbox: PostgresInbox, mine: Connection
) -> None:
    await postgres_inbox.claim(KEY, A)
    await postgres_inbox.claim("witness", A)
    async with mine.transaction():
        await postgres_inbox.complete_in(mine, DELIVERY)
        await taken_over(postgres_inbox, "witness", B)
        assert await postgres_inbox.claim(KEY, B) is Claim.HELD  # the lease has ended, the transaction hasn't
    assert await postgres_inbox.claim(KEY, B) is Claim.COMPLETED


async def test_a_long_transaction_keeps_no_other_lease_from_being_renewed(
    postgres_inbox: PostgresInbox, mine: Connection
) -> None:
    await postgres_inbox.claim(KEY, A)
    await postgres_inbox.claim("orders/2", A)
    await postgres_inbox.claim("witness", A)
    async with mine.transaction():
        await postgres_inbox.complete_in(mine, DELIVERY)

        async def witness_is_free() -> bool:
            assert await postgres_inbox.renew([KEY, "orders/2"], A) == {KEY, "orders/2"}
            return await postgres_inbox.claim("witness", B) is Claim.GRANTED

        await until(witness_is_free)
        assert await postgres_inbox.claim("orders/2", B) is Claim.HELD


async def test_a_transaction_that_was_left_open_does_not_hold_complete_for_ever(
    postgres_inbox: PostgresInbox, mine: Connection
) -> None:
    await postgres_inbox.claim(KEY, A)
    async with mine.transaction():
        await postgres_inbox.complete_in(mine, DELIVERY)
        with pytest.raises(InboxAway, match="lock"):
            await postgres_inbox.complete(KEY, A)
    assert await postgres_inbox.complete(KEY, A)


async def test_called_first_it_suits_stricter_isolation(postgres_inbox: PostgresInbox, mine: Connection) -> None:
    await postgres_inbox.claim(KEY, A)
    await mine.set_isolation_level(psycopg.IsolationLevel.SERIALIZABLE)
    async with mine.transaction():
        await postgres_inbox.complete_in(mine, DELIVERY)
        await postgres_inbox.renew([KEY], A)
        await mine.execute("INSERT INTO effects VALUES ('charged')")
    assert await postgres_inbox.claim(KEY, B) is Claim.COMPLETED


async def test_a_plain_handler_completes_in_its_plain_transaction(
    postgres_inbox: PostgresInbox, postgres_store: PostgresStore
) -> None:
    await postgres_inbox.claim(KEY, A)

    def handler(delivery: Handled) -> None:
        with psycopg.connect(postgres_store.server.url) as connection:
            postgres_inbox.complete_in_sync(connection, delivery)

    await asyncio.to_thread(handler, DELIVERY)
    assert await postgres_inbox.claim(KEY, B) is Claim.COMPLETED
    with pytest.raises(ClaimLost):
        await asyncio.to_thread(handler, Handled(Claimed(KEY, B)))


async def test_without_a_transaction_it_is_refused(postgres_inbox: PostgresInbox, mine: Connection) -> None:
    await postgres_inbox.claim(KEY, A)
    await mine.set_autocommit(True)
    with pytest.raises(ConfigurationError, match="transaction"):
        await postgres_inbox.complete_in(mine, DELIVERY)
    async with mine.transaction():
        await postgres_inbox.complete_in(mine, DELIVERY)
    assert await postgres_inbox.claim(KEY, B) is Claim.COMPLETED


async def test_a_delivery_without_a_claim_is_refused(postgres_inbox: PostgresInbox, mine: Connection) -> None:
    with pytest.raises(ConfigurationError, match="once="):
        await postgres_inbox.complete_in(mine, Handled(None))
