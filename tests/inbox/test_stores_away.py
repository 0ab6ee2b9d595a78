"""A store that can't be reached is told as InboxAway, in time, and serves again when it is back."""

import asyncio
import time

import pytest

from consumer.errors import ConfigurationError, InboxAway
from consumer.inbox import Claim, Inbox, PostgresInbox, RedisInbox
from tests.inbox.conftest import OpenInbox
from tests.inbox.sides import ServedStore, Store
from tests.inbox.waiting import until

A, B = "worker-a", "worker-b"


async def every_call_raises_away(inbox: Inbox) -> None:
    for call in (
        inbox.claim("orders/9", A),
        inbox.renew(["orders/1"], A),
        inbox.complete("orders/1", A),
        inbox.release("orders/1", A),
    ):
        with pytest.raises(InboxAway):
            await call


async def serves(inbox: Inbox) -> bool:
    try:
        await inbox.renew([], A)
    except InboxAway:
        return False
    return True


async def test_a_store_goes_away_and_comes_back(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox(timeout=0.5))
    await inbox.claim("orders/1", A)
    await inbox.claim("orders/2", A)
    await inbox.complete("orders/2", A)
    with store.away():
        await every_call_raises_away(inbox)
    await until(lambda: serves(inbox))
    assert await inbox.complete("orders/1", A)
    assert await inbox.claim("orders/1", B) is Claim.COMPLETED
    assert await inbox.claim("orders/2", B) is Claim.COMPLETED


async def test_many_calls_on_a_store_that_was_restarted_are_not_all_lost(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox(timeout=2))
    await asyncio.gather(*(inbox.claim(f"orders/{n}", A) for n in range(30)))
    with store.away():
        pass
    await until(lambda: serves(inbox))
    answers = await asyncio.gather(*(inbox.claim(f"orders/{n}", A) for n in range(30)), return_exceptions=True)
    away = [answer for answer in answers if answer is not Claim.GRANTED]
    assert all(isinstance(answer, InboxAway) for answer in away)
    assert len(away) < 4  # one for each connection that had died unnoticed, and one is known to live


@pytest.mark.parametrize("kind", ["redis", "postgres"])
async def test_a_server_that_hangs_is_away_within_the_timeout(
    kind: str, request: pytest.FixtureRequest, opened: OpenInbox
) -> None:
    store: ServedStore = request.getfixturevalue(f"{kind}_store")
    inbox = await opened(store.inbox(timeout=0.5))
    with store.server.paused():
        began = time.monotonic()
        with pytest.raises(InboxAway):
            await inbox.claim("orders/1", A)
        assert time.monotonic() - began < 3
    await until(lambda: serves(inbox))
    assert await inbox.claim("orders/1", A) is Claim.GRANTED


async def test_an_inbox_that_is_not_open_says_so(store: Store) -> None:
    await every_call_raises_away(store.inbox())


async def test_an_inbox_opens_again_after_it_was_closed(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    await inbox.open()
    await inbox.claim("orders/1", A)
    await inbox.close()
    await inbox.close()
    await every_call_raises_away(inbox)
    await inbox.open()
    assert await inbox.claim("orders/1", B) is Claim.HELD


@pytest.mark.parametrize(
    "inbox",
    [
        RedisInbox("redis://127.0.0.1:1/0", timeout=0.5),
        PostgresInbox("postgresql://nobody:secret@127.0.0.1:1/none", timeout=0.5),
    ],
    ids=repr,
)
async def test_a_store_that_is_not_there_is_away_at_the_start(inbox: Inbox) -> None:
    with pytest.raises(InboxAway) as away:
        await inbox.open()
    assert "secret" not in str(away.value)


@pytest.mark.parametrize("address", ["redis://u:se/cret@h:1/0", "http://secret", "nothing", "redis://u:secret@h:x"])
def test_an_address_of_redis_that_cannot_be_read_is_refused_without_quoting_it(address: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be read") as refused:
        RedisInbox(address)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:se/cret:@h:1/0", "postgresql://u:%secret@h/d", "secret", "host=h secret"]
)
def test_a_dsn_that_cannot_be_read_is_refused_without_quoting_it(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be read") as refused:
        PostgresInbox(dsn)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
