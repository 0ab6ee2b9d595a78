"""A connection of ours under test, and a foreign one that declares what it likes beside it."""

import secrets
from collections.abc import AsyncIterator, Iterator
from http.client import HTTPException
from typing import Any

import aio_pika
import pytest
from aiormq.abc import AbstractChannel

from consumer.broker.amqp import AmqpBroker
from consumer.core.facts import QueueFacts
from consumer.core.queue import Queue
from consumer.testing.brokers import BrokerHandle
from tests.contract.sides import amqp_broker, within
from tests.queues.api import Api
from tests.transports import CHOSEN


class Bench:
    """Queues of others, and what we find out about them."""

    def __init__(self, broker: AmqpBroker, foreign: aio_pika.abc.AbstractConnection) -> None:
        self.broker = broker
        self._foreign = foreign
        self._queues: list[str] = []

    def name(self, prefix: str = "t-queues") -> str:
        """Of a queue that is not there yet; it is deleted afterwards, with those beside it."""
        name = f"{prefix}-{secrets.token_hex(6)}"
        self._queues += [name, f"{name}.parked", f"{name}.retry.1s"]
        return name

    async def channel(self) -> AbstractChannel:
        return await (await self._foreign.channel(publisher_confirms=False)).get_underlay_channel()

    async def declare(self, arguments: dict[str, Any], name: str | None = None) -> str:
        name = name or self.name()
        await (await self.channel()).queue_declare(name, durable=True, arguments=arguments)
        return name

    async def facts(self, name: str, broker: AmqpBroker | None = None) -> QueueFacts:
        connection = await within((broker or self.broker).connect())
        facts = await within(connection.prepare(Queue(name)))
        await connection.close()
        return facts

    async def close(self) -> None:
        channel = await self.channel()
        for queue in self._queues:
            await channel.queue_delete(queue)
        await self._foreign.close()


@pytest.fixture
async def bench(lastcall_broker: BrokerHandle) -> AsyncIterator[Bench]:
    bench = Bench(amqp_broker(lastcall_broker.url, CHOSEN), await aio_pika.connect(lastcall_broker.url))
    yield bench
    await bench.close()


@pytest.fixture
def api(lastcall_broker: BrokerHandle) -> Api:
    api = Api(lastcall_broker)
    try:
        api.ask("GET", "overview")
    except (OSError, HTTPException, AssertionError) as error:
        pytest.skip(f"this broker's management API is not at {api.netloc}: {error}")
    return api


@pytest.fixture
def user_who_may_not_configure(lastcall_broker: BrokerHandle, api: Api) -> Iterator[AmqpBroker]:
    """A broker of ours, seen by a user with no permission to configure."""
    name, password = f"t-{secrets.token_hex(4)}", secrets.token_hex(8)
    api.ask("PUT", "users", name, password=password, tags="")
    api.ask("PUT", "permissions", api.vhost, name, configure="^$", write=".*", read=".*")
    scheme, _, rest = lastcall_broker.url.partition("://")
    yield amqp_broker(f"{scheme}://{name}:{password}@{rest.rpartition('@')[2]}", CHOSEN)
    api.ask("DELETE", "users", name)
