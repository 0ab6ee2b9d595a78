"""A publish that returns is in a queue; one that isn't, raises."""

from datetime import UTC, datetime

import pytest

from consumer.core.delivery import Message, Outgoing, Properties
from consumer.core.outcome import Parked
from consumer.core.parking import parked_copy
from consumer.errors import PublishFailed
from tests.contract.sides import Contract, within

PROPERTIES = Properties(
    message_id="m1",
    headers={"tenant": "a", "n": 7, "yes": True, "nested": {"list": [1, "two"]}},
    content_type="application/json",
    content_encoding="identity",
    correlation_id="c1",
    reply_to="answers",
    priority=3,
    timestamp=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    type="order",
    app_id="shop",
)


async def test_a_confirmed_message_is_there_with_all_its_properties(contract: Contract) -> None:
    await contract.prepared()
    await contract.publish(Outgoing(b"\x00body", contract.queue.name, properties=PROPERTIES))
    (message,) = await contract.contents()
    assert message.body == b"\x00body"
    assert message.properties == PROPERTIES


@pytest.mark.parametrize("exchange", ["", "an-exchange-that-is-not-there"])
async def test_an_unroutable_publish_fails(contract: Contract, exchange: str) -> None:
    await contract.prepared()
    with pytest.raises(PublishFailed):
        await contract.publish(Outgoing(b"a", "a-queue-that-is-not-there", exchange))
    await contract.put(b"b")
    assert [message.body for message in await contract.contents()] == [b"b"]


async def test_the_parked_copy_keeps_body_and_properties_and_tells_its_story(contract: Contract) -> None:
    await contract.prepared()
    source = Message(b"body", contract.queue.name, "shop", "order.paid", properties=PROPERTIES)
    copy = parked_copy(source, contract.queue.parking, Parked("no such tenant"), 1, "2024-05-06T07:08:09+00:00")
    await contract.publish(copy)
    (parked,) = await contract.contents(contract.queue.parking)
    assert parked.body == b"body"
    assert parked.properties.message_id == "m1"
    assert parked.properties.content_type == "application/json"
    headers = dict(parked.properties.headers)
    assert {name: headers.pop(name) for name in PROPERTIES.headers} == PROPERTIES.headers
    assert headers == {
        "x-lastcall-reason": "no such tenant",
        "x-lastcall-queue": contract.queue.name,
        "x-lastcall-exchange": "shop",
        "x-lastcall-routing-key": "order.paid",
        "x-lastcall-attempt": 1,
        "x-lastcall-copy": 1,
        "x-lastcall-parked-at": "2024-05-06T07:08:09+00:00",
    }


async def test_a_publisher_may_be_closed_unused_twice_and_used_again(contract: Contract) -> None:
    await contract.prepared()
    await within(contract.publisher.close())
    await within(contract.publisher.close())
    await contract.put(b"a")
    await within(contract.publisher.close())
    await contract.put(b"b")
    assert [message.body for message in await contract.contents()] == [b"a", b"b"]
