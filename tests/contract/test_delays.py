"""What is published to come later comes later, whole, and by itself."""

import asyncio
from dataclasses import replace

import pytest

from consumer.broker.amqp import AmqpBroker
from consumer.core.delays import DEATHS_BEFORE, Delay
from consumer.core.delivery import Message, Outgoing
from consumer.errors import LONGEST_RETRY, PublishFailed
from tests.contract.sides import Contract, FakeSide, Inbox, within
from tests.contract.test_publishing import PROPERTIES

SOON = 0.1
WRITTEN_BY_RABBITMQ = ("x-death", "x-first-death-", "x-last-death-")


async def delayed(contract: Contract, outgoing: Outgoing, inbox: Inbox, seconds: float = SOON) -> Message:
    """The message as it arrives, later."""
    number = len(inbox.arrived) + 1
    await within(contract.publisher.publish_later(outgoing, seconds))
    if isinstance(contract.side, FakeSide):
        contract.side.broker.release(contract.queue.name)
    return (await inbox.until(number))[-1][1]


async def test_a_message_comes_later_with_its_body_and_its_properties(contract: Contract) -> None:
    _, inbox = await contract.consume(await contract.prepared())
    properties = replace(PROPERTIES, expiration="60000")
    message = await delayed(contract, Outgoing(b"\x00body", contract.queue.name, properties=properties), inbox)
    headers = {
        name: value for name, value in message.properties.headers.items() if not name.startswith(WRITTEN_BY_RABBITMQ)
    }
    assert message.body == b"\x00body"
    assert replace(message.properties, headers=headers) == PROPERTIES, "all but its own expiration"
    assert (message.exchange, message.routing_key) == ("", contract.queue.name)
    assert not message.redelivered


async def test_it_comes_no_sooner_than_it_was_asked_for(contract: Contract) -> None:
    _, inbox = await contract.consume(await contract.prepared())
    if isinstance(contract.side, FakeSide):
        await within(contract.publisher.publish_later(Outgoing(b"a", contract.queue.name), 0.5))
        assert [(message.body, seconds) for message, seconds in contract.side.broker.delayed(contract.queue.name)] == [
            (b"a", 0.5)
        ]
        assert inbox.arrived == []
    else:
        clock = asyncio.get_running_loop().time
        asked = clock()
        await delayed(contract, Outgoing(b"a", contract.queue.name), inbox, 0.5)
        assert clock() - asked >= 0.5


async def test_a_message_may_be_delayed_again_and_again(contract: Contract) -> None:
    _, inbox = await contract.consume(await contract.prepared())
    message = Message(b"a", contract.queue.name)
    for _ in range(6):  # with all that came with it: RabbitMQ drops no message as going round in a circle
        message = await delayed(contract, Outgoing(b"a", contract.queue.name, properties=message.properties), inbox)
    assert inbox.bodies == [b"a"] * 6


@pytest.mark.parametrize("reason", ["expired", "rejected", "maxlen", "delivery_limit"])
async def test_a_message_that_has_died_in_its_own_queue_before_is_not_dropped(contract: Contract, reason: str) -> None:
    _, inbox = await contract.consume(await contract.prepared())
    name = contract.queue.name
    death = {"count": 1, "exchange": "", "queue": name, "reason": reason, "routing-keys": [name]}
    properties = replace(PROPERTIES, headers={"x-death": [death]})
    message = await delayed(contract, Outgoing(b"a", name, properties=properties), inbox)
    if not isinstance(contract.side, FakeSide):
        assert message.properties.headers[DEATHS_BEFORE] == [death]


async def test_many_are_delayed_at_once(contract: Contract) -> None:
    _, inbox = await contract.consume(await contract.prepared(), prefetch=1000)
    bodies = [b"%d" % number for number in range(60)]
    outgoing = [Outgoing(body, contract.queue.name) for body in bodies]
    await within(asyncio.gather(*(contract.publisher.publish_later(each, SOON) for each in outgoing)))
    if isinstance(contract.side, FakeSide):
        contract.side.broker.release(contract.queue.name)
    await inbox.until(60)
    assert sorted(inbox.bodies) == sorted(bodies)


@pytest.mark.parametrize("seconds", [-1, LONGEST_RETRY + 1, float("nan"), float("inf")])
async def test_a_delay_that_cannot_be_kept_fails_for_good(contract: Contract, seconds: float) -> None:
    await contract.prepared()
    with pytest.raises(PublishFailed, match="it takes 0 to") as failed:
        await contract.publisher.publish_later(Outgoing(b"a", contract.queue.name), seconds)
    assert failed.value.permanent


async def test_a_delay_leads_to_a_queue_and_to_no_other_exchange(contract: Contract) -> None:
    await contract.prepared()
    with pytest.raises(PublishFailed, match="default exchange") as failed:
        await contract.publisher.publish_later(Outgoing(b"a", "order.paid", "shop"), 1)
    assert failed.value.permanent


async def test_a_level_queue_that_somebody_deletes_is_made_again(contract: Contract) -> None:
    _, inbox = await contract.consume(await contract.prepared())
    outgoing = Outgoing(b"a", contract.queue.name)
    await delayed(contract, outgoing, inbox)
    if isinstance(contract.side.broker, AmqpBroker):
        tools = contract.side.broker.tools()
        await tools.delete(Delay(contract.queue.name, SOON).name)
        await tools.close()
    await delayed(contract, outgoing, inbox)
    assert inbox.bodies == [b"a", b"a"]


async def test_a_delay_after_a_lost_connection_connects_again(contract: Contract) -> None:
    connection = await contract.prepared()
    _, inbox = await contract.consume(connection)
    outgoing = Outgoing(b"a", contract.queue.name)
    await delayed(contract, outgoing, inbox)
    contract.side.cut()
    await within(connection.lost)
    _, inbox = await contract.consume(await contract.connect())
    await inbox.until(1)  # it was not acked
    await delayed(contract, outgoing, inbox)
