"""The questions themselves, on a real RabbitMQ: each is answered, and none leaves anything behind."""

from contextlib import AbstractAsyncContextManager

import pytest

from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.probes import Probes, Traits
from consumer.broker.amqp.probes import probing as probing_by
from tests.contract.sides import within
from tests.queues.conftest import Bench, bench  # noqa: F401 - a fixture

pytestmark = pytest.mark.broker
QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": 7}


def probing(broker: AmqpBroker) -> AbstractAsyncContextManager[Probes]:
    return probing_by(lambda: broker.open("lastcall tests"))


async def test_an_exclusive_queue_of_another_connection_is_known_as_that(bench: Bench) -> None:  # noqa: F811
    name = bench.name()
    await (await bench.channel()).queue_declare(name, exclusive=True)
    async with probing(bench.broker) as probes:
        assert await within(probes.queue(name)) == Traits(exclusive=True)


async def test_a_queue_is_seen_with_its_arguments_and_no_queue_is_made(bench: Bench) -> None:  # noqa: F811
    there, absent = await bench.declare(QUORUM), bench.name()
    async with probing(bench.broker) as probes:
        assert await within(probes.queue(there)) == Traits(arguments=QUORUM)
        for _ in range(2):
            assert await within(probes.queue(absent)) is None
            assert await within(probes.may_configure(absent))
            assert await within(probes.may_read(absent))
            assert await within(probes.may_bind(absent, "amq.topic"))
            assert await within(probes.may_publish())


async def test_a_consumer_that_is_refused_takes_no_message(bench: Bench) -> None:  # noqa: F811
    name = await bench.declare(QUORUM)
    channel = await bench.channel()
    await channel.basic_publish(b"a", routing_key=name)
    async with probing(bench.broker) as probes:
        assert await within(probes.may_read(name))
    message = await channel.basic_get(name)
    assert (message.header.properties.headers or {}).get("x-delivery-count", 0) == 0
    assert (message.body, message.redelivered) == (b"a", False)
