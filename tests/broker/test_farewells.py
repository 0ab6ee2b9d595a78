"""What the broker itself says when it closes a connection at its opening decides whether trying again can help."""

import asyncio

import pytest

from consumer.broker.amqp import AmqpBroker
from consumer.broker.port import Tls
from consumer.errors import BrokerAway, BrokerRefused
from tests.broker.scripted import ScriptedBroker

NOT_ALLOWED = 530
ACCESS_REFUSED = 403


async def told(scripted: ScriptedBroker, code: int, text: str) -> BrokerAway | BrokerRefused:
    """What connecting raises when the broker closes the connection with these words."""
    broker = AmqpBroker([scripted.url], name="lastcall test", heartbeat=15, tls=Tls())
    refusing = asyncio.create_task(scripted.refuse(code, text))
    with pytest.raises((BrokerAway, BrokerRefused)) as raised:
        await broker.connect()
    await refusing
    assert isinstance(raised.value, BrokerAway | BrokerRefused)
    return raised.value


@pytest.mark.parametrize(
    "text",
    [
        "NOT_ALLOWED - access to vhost '/' refused for user 'u': connection limit (10) is reached",
        "NOT_ALLOWED - access to vhost '/' refused for user 'u': vhost connection limit (10) is reached",
        "NOT_ALLOWED - access to vhost '/' refused for user 'u': vhost '/' is down",
    ],
)
async def test_a_limit_that_is_reached_passes_and_is_told_in_the_brokers_words(
    scripted: ScriptedBroker, text: str
) -> None:
    error = await told(scripted, NOT_ALLOWED, text)
    assert isinstance(error, BrokerAway), "trying again can help"
    assert text in str(error)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (NOT_ALLOWED, "NOT_ALLOWED - vhost 'x' not found"),
        (ACCESS_REFUSED, "ACCESS_REFUSED - access to vhost 'x' refused for user 'u'"),
    ],
)
async def test_a_virtual_host_that_is_not_there_is_final_and_told_with_the_mend(
    scripted: ScriptedBroker, code: int, text: str
) -> None:
    error = await told(scripted, code, text)
    assert isinstance(error, BrokerRefused), "trying again can't help"
    assert text in str(error)
    assert "add_vhost" in str(error)
