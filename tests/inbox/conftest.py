"""Real stores for the tests of inboxes; a test whose server isn't installed is skipped with the reason."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from consumer.inbox import Inbox, PostgresInbox
from tests.inbox.servers import PostgresServer, RedisServer, Server, StoreMissingError
from tests.inbox.sides import PostgresStore, RedisStore, SqliteStore, Store

OpenInbox = Callable[..., Awaitable[Inbox]]


@contextmanager
def running(make: Callable[[], Server]) -> Iterator[Server]:
    try:
        server = make()
    except StoreMissingError as unavailable:
        pytest.skip(str(unavailable))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    with running(RedisServer) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with running(PostgresServer) as server:
        yield server


@pytest.fixture
def sqlite_store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "inbox.sqlite3")


@pytest.fixture
def redis_store(redis_server: RedisServer) -> RedisStore:
    return RedisStore(redis_server)


@pytest.fixture
def postgres_store(postgres_server: PostgresServer) -> PostgresStore:
    return PostgresStore(postgres_server)


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[Inbox], Awaitable[Any]]]:
    """Opens an inbox, and closes it after the test."""
    async with AsyncExitStack() as after:

        async def open_(inbox: Inbox) -> Inbox:
            await inbox.open()
            after.push_async_callback(inbox.close)
            return inbox

        yield open_


@pytest.fixture
async def postgres_inbox(postgres_store: PostgresStore, opened: OpenInbox) -> PostgresInbox:
    inbox = postgres_store.inbox(lease=0.5, keep=60)
    await opened(inbox)
    return inbox
