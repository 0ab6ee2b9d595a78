"""What RedisInbox says about a Redis that would weaken its promise, or refuses it."""

import logging
from collections.abc import Iterator

import pytest
import redis

from consumer.errors import ConfigurationError
from consumer.inbox import Claim, RedisInbox
from tests.inbox.conftest import OpenInbox
from tests.inbox.sides import RedisStore


@pytest.fixture
def client(redis_store: RedisStore) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_store.server.url) as client:
        before = {name: client.config_get(name)[name] for name in ("maxmemory-policy", "appendonly")}
        yield client
        for name, value in before.items():
            client.config_set(name, value)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def test_a_redis_as_it_should_be_gets_no_warning(
    redis_store: RedisStore, opened: OpenInbox, caplog: pytest.LogCaptureFixture
) -> None:
    await opened(redis_store.inbox())
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction"),
        ("appendonly", "no", "appendonly yes"),
    ],
)
async def test_a_redis_that_forgets_is_warned_of_with_the_mend(
    client: "redis.Redis", redis_store: RedisStore, opened: OpenInbox, caplog: pytest.LogCaptureFixture,
    name: str, value: str, mend: str,
) -> None:  # fmt: skip
    client.config_set(name, value)
    await opened(redis_store.inbox())
    (told,) = warnings(caplog)
    assert mend in told


async def test_a_user_who_may_not_look_at_the_settings_may_use_the_inbox(
    client: "redis.Redis", redis_store: RedisStore, opened: OpenInbox
) -> None:
    client.acl_setuser(
        "worker", enabled=True, passwords=["+secret"], keys=["*"], categories=["+@all"], commands=["-info"]
    )
    url = redis_store.server.url.replace("//", "//worker:secret@")
    inbox = await opened(RedisInbox(url))
    assert await inbox.claim("orders/1", "worker-a") is Claim.GRANTED


async def test_a_wrong_password_is_a_wrong_setting(client: "redis.Redis", redis_store: RedisStore) -> None:
    with pytest.raises(ConfigurationError, match="user and the password") as refused:
        await RedisInbox(redis_store.server.url.replace("//", "//worker:wrong@")).open()
    assert ":wrong@" not in str(refused.value)


async def test_scripts_that_redis_has_forgotten_are_loaded_again(
    client: "redis.Redis", redis_store: RedisStore, opened: OpenInbox
) -> None:
    inbox = await opened(redis_store.inbox())
    await inbox.claim("orders/1", "worker-a")
    client.script_flush()
    assert await inbox.renew(["orders/1"], "worker-a") == {"orders/1"}
    client.script_flush()
    assert await inbox.complete("orders/1", "worker-a")
