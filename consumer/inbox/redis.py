"""An inbox in Redis (5 or later) or Valkey.

May know: redis-py, its errors, the scripts. May not know: the engine, other stores.
"""

import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from consumer.addresses import masked
from consumer.errors import ConfigurationError, InboxAway
from consumer.inbox.port import Claim
from consumer.inbox.reaching import reaching
from consumer.inbox.redis_scripts import CLAIM, COMPLETE, RELEASE, RENEW
from consumer.inbox.terms import KEEP, LEASE, TIMEOUT, check_terms, storable

try:
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.commands.core import AsyncScript
    from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError
except ImportError as missing:
    raise ConfigurationError("RedisInbox needs redis-py: pip install 'lastcall[redis]'") from missing

_logger = logging.getLogger("lastcall.inbox")


@dataclass(frozen=True)
class _Opened:
    client: Redis
    claim: AsyncScript
    renew: AsyncScript
    complete: AsyncScript
    release: AsyncScript


class RedisInbox:
    """For several machines that share a Redis. What its persistence means for the promise: docs/inbox.md.

    Args:
        url: `redis://user:password@host:6379/0`, `rediss://` for TLS, `unix:///path`.
        lease: seconds that a claim stands without being renewed.
        keep: seconds for which a completed message is remembered.
        timeout: seconds that one call may take.
        prefix: what the keys begin with.
        connections: how many connections at most.

    Raises:
        ConfigurationError: redis-py is missing, the address can't be read, or the terms make no sense.
    """

    def __init__(
        self,
        url: str,
        *,
        lease: float = LEASE,
        keep: float = KEEP,
        timeout: float = TIMEOUT,
        prefix: str = "lastcall:inbox:",
        connections: int = 8,
    ) -> None:
        check_terms(lease, keep, timeout)
        self.lease = lease
        self._name = masked(url)
        self._url = url
        self._lease_ms = round(lease * 1000)
        self._keep_ms = round(keep * 1000)
        self._timeout = timeout
        self._prefix = prefix
        self._connections = connections
        self._open: _Opened | None = None
        self._pool()  # an address that can't be read is told where it stands

    async def open(self) -> None:
        """See Inbox."""
        if self._open is not None:
            return
        client = Redis.from_pool(self._pool())
        try:
            await self._look_at(client)
        except BaseException:
            await client.aclose()
            raise
        scripts = [client.register_script(script) for script in (CLAIM, RENEW, COMPLETE, RELEASE)]
        self._open = _Opened(client, *scripts)

    async def close(self) -> None:
        """See Inbox."""
        if self._open is not None:
            opened, self._open = self._open, None
            async with self._reaching():
                await opened.client.aclose()

    async def claim(self, key: str, owner: str) -> Claim:
        """See Inbox."""
        opened = self._opened()
        async with self._reaching():
            return Claim(await opened.claim([self._key(key)], [owner, self._lease_ms, self._keep_ms]))

    async def renew(self, keys: Collection[str], owner: str) -> set[str]:
        """See Inbox."""
        opened = self._opened()
        asked = list(keys)
        async with self._reaching(), opened.client.pipeline(transaction=False) as pipeline:
            for key in asked:
                await opened.renew([self._key(key)], [owner, self._lease_ms, self._keep_ms], client=pipeline)
            answers = await pipeline.execute()
        return {key for key, ours in zip(asked, answers, strict=True) if ours}

    async def complete(self, key: str, owner: str) -> bool:
        """See Inbox."""
        opened = self._opened()
        async with self._reaching():
            return bool(await opened.complete([self._key(key)], [owner, self._keep_ms]))

    async def release(self, key: str, owner: str) -> None:
        """See Inbox."""
        opened = self._opened()
        async with self._reaching():
            await opened.release([self._key(key)], [owner])

    def _pool(self) -> BlockingConnectionPool:
        try:
            return BlockingConnectionPool.from_url(
                self._url,
                decode_responses=True,
                max_connections=self._connections,
                timeout=None,  # `reaching` bounds the call as a whole
                socket_timeout=None,
                socket_connect_timeout=None,
                retry=Retry(NoBackoff(), 1),  # every script may run twice
            )
        except ValueError:
            raise ConfigurationError(
                "the address of a RedisInbox can't be read: it takes redis://user:password@host:port/0 (or rediss://; a"
                " password with / ? # @ or : in it must be percent-encoded) or unix:///path"
            ) from None  # the driver's text may quote the password

    async def _look_at(self, client: Redis) -> None:
        async with self._reaching():
            try:
                await client.ping()
                self._warn(await client.info())
            except (AuthenticationError, AuthorizationError) as refused:
                raise ConfigurationError(
                    f"the Redis at {self._name} refuses us: {refused}. Mend the user and the password in its address"
                ) from refused
            except NoPermissionError as refused:
                _logger.info("the Redis at %s doesn't let us look at its settings: %s", self._name, refused)

    def _warn(self, found: Mapping[str, object]) -> None:
        policy = found.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            _logger.warning(
                "the Redis at %s forgets keys when its memory is full (maxmemory-policy %s), and messages would run"
                " twice: set maxmemory-policy noeviction",
                self._name,
                policy,
            )
        if found.get("aof_enabled") == 0:
            _logger.warning(
                "the Redis at %s writes no append-only file: what has been completed since its last snapshot is"
                " forgotten when it restarts. Set appendonly yes",
                self._name,
            )

    def _opened(self) -> _Opened:
        if self._open is None:
            raise InboxAway(f"the inbox {self._name} is not open: `await inbox.open()` first")
        return self._open

    def _key(self, key: str) -> str:
        return self._prefix + storable(key)

    def _reaching(self) -> AbstractAsyncContextManager[None]:
        return reaching(self._name, self._timeout, RedisError)

    def __repr__(self) -> str:
        return f"<RedisInbox {self._name}>"
