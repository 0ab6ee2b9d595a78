"""What the fake broker does with a message that is to come later: nothing, until the test says so."""

import asyncio

import pytest

from consumer.core.delivery import Message, Outgoing, Properties
from consumer.errors import PublishFailed
from consumer.testing.fake import FakeBroker

LATER = Outgoing(b"a", "orders", properties=Properties(message_id="o1", expiration="5"))


async def test_it_is_aside_with_its_delay_until_it_is_released() -> None:
    fake = FakeBroker()
    fake.declare("orders")
    await fake.publisher().publish_later(LATER, 7.5)
    assert fake.delayed("orders") == [(Message(b"a", "orders", "", "orders", properties=LATER.properties), 7.5)]
    assert fake.is_empty("orders")
    fake.release("orders")
    assert fake.delayed("orders") == []
    assert [(message.body, message.properties.expiration) for message in fake.ready("orders")] == [(b"a", None)]


async def test_it_stays_aside_while_its_queue_is_not_there() -> None:
    fake = FakeBroker()
    await fake.publisher().publish_later(LATER, 1)
    with pytest.raises(PublishFailed):
        fake.release("orders")
    fake.declare("orders")
    fake.release("orders")
    assert [message.body for message in fake.ready("orders")] == [b"a"]


async def test_its_confirm_can_be_held_and_made_to_fail_like_any_other() -> None:
    fake = FakeBroker()
    fake.fail("confirm", PublishFailed("no"))
    with pytest.raises(PublishFailed):
        await fake.publisher().publish_later(LATER, 1)
    assert fake.delayed("orders") == []
    gate = fake.hold("confirm")
    publishing = asyncio.create_task(fake.publisher().publish_later(LATER, 1))
    await gate.reached
    assert len(fake.delayed("orders")) == 1
    assert not publishing.done()
    gate.open()
    await publishing


async def test_until_looks_at_what_is_aside() -> None:
    fake = FakeBroker()
    waiting = asyncio.create_task(fake.until(lambda: len(fake.delayed("orders")) == 1))
    await asyncio.sleep(0)
    await fake.publisher().publish_later(LATER, 1)
    async with asyncio.timeout(1):
        await waiting
