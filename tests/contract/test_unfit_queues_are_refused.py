"""Queues that are unfit for work stop the start, and the refusal names the mend. RabbitMQ only."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import pytest
from aiormq.abc import AbstractChannel

from consumer.broker.port import Connection
from consumer.core.queue import Queue, QueueType
from consumer.errors import BrokerRefused
from consumer.testing.brokers import BrokerHandle
from tests.contract.sides import amqp_broker, within

pytestmark = pytest.mark.broker


@dataclass
class Bench:
    """A connection of ours under test, and a foreign one that declares what it likes."""

    connection: Connection
    channel: Callable[[], Awaitable[AbstractChannel]]
    queues: list[str] = field(default_factory=list)

    async def declare(self, **arguments: Any) -> str:
        name = f"t-unfit-{secrets.token_hex(6)}"
        self.queues += [name, f"{name}.parked"]
        await (await self.channel()).queue_declare(name, **arguments)
        return name


@pytest.fixture
async def bench(lastcall_broker: BrokerHandle) -> AsyncIterator[Bench]:
    foreign = await aio_pika.connect(lastcall_broker.url)

    async def channel() -> AbstractChannel:
        return await (await foreign.channel(publisher_confirms=False)).get_underlay_channel()

    connection = await within(amqp_broker(lastcall_broker.url).connect())
    bench = Bench(connection, channel)
    yield bench
    await connection.close()
    deleting = await channel()
    for queue in bench.queues:
        await deleting.queue_delete(queue)
    await foreign.close()


async def refusal(bench: Bench, name: str, kind: QueueType | None = None) -> str:
    with pytest.raises(BrokerRefused) as refused:
        await within(bench.connection.prepare(Queue(name, type=kind)))
    assert name in str(refused.value)
    assert not bench.connection.lost.done()
    return str(refused.value)


@pytest.mark.parametrize("more", [{}, {"x-max-age": "1D"}, {"x-max-length-bytes": 1_000_000}], ids=str)
async def test_a_stream(bench: Bench, more: dict[str, object]) -> None:
    name = await bench.declare(durable=True, arguments={"x-queue-type": "stream", **more})
    assert "Use a quorum queue" in await refusal(bench, name)


async def test_an_auto_delete_queue(bench: Bench) -> None:
    name = await bench.declare(durable=True, auto_delete=True)
    assert "auto_delete=false" in await refusal(bench, name)


async def test_a_queue_that_is_not_durable(bench: Bench) -> None:
    try:
        name = await bench.declare(durable=False)
    except Exception as error:  # noqa: BLE001 - RabbitMQ 4.3 refuses to make one, in words that it may change
        pytest.skip(f"this broker makes none: {error}")
    assert "declare it durable" in await refusal(bench, name)


async def test_an_exclusive_queue(bench: Bench) -> None:
    name = await bench.declare(exclusive=True)
    assert "Use a durable, shared queue" in await refusal(bench, name)


@pytest.mark.parametrize(("there", "wanted"), [("classic", "quorum"), ("quorum", "classic")])
async def test_a_queue_of_another_type_than_asked_for(bench: Bench, there: str, wanted: QueueType) -> None:
    name = await bench.declare(durable=True, arguments={"x-queue-type": there})
    told = await refusal(bench, name, wanted)
    assert f"is a {there} queue" in told
    assert "Leave `type` out" in told


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"x-queue-type": "classic"},
        {"x-queue-type": "quorum"},
        {"x-queue-type": "quorum", "x-delivery-limit": 5},
        {"x-max-length": 10, "x-dead-letter-exchange": "elsewhere"},
    ],
    ids=str,
)
async def test_any_other_queue_is_used_as_it_is(bench: Bench, arguments: dict[str, object]) -> None:
    name = await bench.declare(durable=True, arguments=arguments)
    await within(bench.connection.prepare(Queue(name)))


async def test_a_consumer_that_the_broker_cancels_has_lost_its_lease(bench: Bench) -> None:
    name = await bench.declare(durable=True, arguments={"x-queue-type": "quorum"})
    lease = await within(bench.connection.consume(Queue(name), 10, lambda *_: None))
    await (await bench.channel()).queue_delete(name)
    assert "cancelled the consumer" in await within(lease.lost)
    await within(asyncio.ensure_future(lease.close()))
    assert not bench.connection.lost.done()


@pytest.mark.parametrize(
    "more",
    [
        {"x-single-active-consumer": True},
        {"x-max-length": 5, "x-overflow": "reject-publish", "x-dead-letter-exchange": "", "x-expires": 600000},
        {"x-dead-letter-exchange": "it's here", "x-message-ttl": 70000},
    ],
    ids=str,
)
async def test_whatever_else_it_was_declared_with_its_type_is_found_out(bench: Bench, more: dict[str, object]) -> None:
    name = await bench.declare(durable=True, arguments={"x-queue-type": "quorum", **more})
    assert "is a quorum queue" in await refusal(bench, name, "classic")
    await within(bench.connection.prepare(Queue(name, type="quorum")))
