"""The workers that the loss figures are taken on.

May know: the package's public face. May not know: what is done to them.
"""

import asyncio
from collections.abc import AsyncIterator

import psycopg
from pydantic_settings import BaseSettings

from consumer import Delivery, Worker
from consumer.inbox import PostgresInbox, SqliteInbox

CONCURRENCY = 10


class Stores(BaseSettings):
    """Where the inboxes are, from BENCH_SQLITE and BENCH_POSTGRES in the environment."""

    bench_sqlite: str = "inbox.sqlite3"
    bench_postgres: str = "postgresql://nowhere/"


stores = Stores()
short, endless, once, with_effect = Worker(), Worker(), Worker(), Worker()


@short.handler("load", concurrency=CONCURRENCY, prefetch=CONCURRENCY)
async def work(_: dict[str, object]) -> None:
    await asyncio.sleep(0.01)


@endless.handler("load", concurrency=1, prefetch=40)
async def never_end(_: dict[str, object]) -> None:
    await asyncio.sleep(3600)


@once.handler("load", concurrency=CONCURRENCY, prefetch=CONCURRENCY, once=SqliteInbox(stores.bench_sqlite, lease=5))
async def work_once(_: dict[str, object]) -> None:
    await asyncio.sleep(0.01)


inbox = PostgresInbox(stores.bench_postgres, lease=5)
connections: asyncio.Queue[psycopg.AsyncConnection[tuple[object, ...]]] = asyncio.Queue()


@with_effect.lifespan
async def open_connections() -> AsyncIterator[None]:
    for _ in range(CONCURRENCY):
        connections.put_nowait(await psycopg.AsyncConnection.connect(stores.bench_postgres))
    yield
    while not connections.empty():
        await connections.get_nowait().close()


@with_effect.handler("load", concurrency=CONCURRENCY, prefetch=CONCURRENCY, once=inbox)
async def have_an_effect(_: dict[str, object], delivery: Delivery) -> None:
    connection = await connections.get()
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO effects VALUES (%s)", [delivery.message_id])
            await inbox.complete_in(connection, delivery)
    finally:
        connections.put_nowait(connection)
