"""An exchange that goes fails what is published to it, and nothing else; when it is back, so are its publishes."""

import asyncio

import pytest

from consumer.core.delivery import Outgoing
from consumer.errors import PublishFailed
from tests.broker.live import Live

pytestmark = pytest.mark.broker


async def test_publishes_on_other_exchanges_are_confirmed_meanwhile(live: Live) -> None:
    queue = live.name("work")
    await live.declare("work")
    await live.bind("work", "shop")
    publisher = live.broker.publisher()
    to_the_exchange, to_the_queue = Outgoing(b"", "any", live.name("shop")), Outgoing(b"", queue)
    async with asyncio.timeout(10):
        await publisher.publish(to_the_exchange)
        await live.delete_exchange("shop")
        messages = [to_the_exchange if number == 5 else to_the_queue for number in range(20)]
        told = await asyncio.gather(*map(publisher.publish, messages), return_exceptions=True)
        failed = told.pop(5)
        assert isinstance(failed, PublishFailed)
        assert "Declare the exchange" in str(failed)
        assert told == [None] * 19
        await live.bind("work", "shop")
        await publisher.publish(to_the_exchange)
        await live.delete_exchange("shop")
    assert await live.depth("work") == 21
    await publisher.close()
