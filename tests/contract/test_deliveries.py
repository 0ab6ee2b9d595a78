"""How deliveries come: in order, numbered from 1, within the prefetch, until the cancel-ok and not after."""

import asyncio

import pytest

from consumer.errors import BrokerAway
from tests.contract.sides import Contract, within


async def test_deliveries_come_in_order_with_tags_from_1(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c")
    _, inbox = await contract.consume(connection)
    await inbox.until(3)
    assert inbox.tags == [1, 2, 3]
    assert inbox.bodies == [b"a", b"b", b"c"]
    assert not any(message.redelivered for _, message in inbox.arrived)
    assert {message.queue for _, message in inbox.arrived} == {contract.queue.name}


async def test_every_lease_counts_its_tags_from_1(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b")
    _, first = await contract.consume(connection, prefetch=1)
    await first.until(1)
    _, second = await contract.consume(connection, prefetch=1)
    await second.until(1)
    assert first.tags == second.tags == [1]
    assert first.bodies + second.bodies == [b"a", b"b"]


async def test_leases_and_generations_have_ids_of_their_own(contract: Contract) -> None:
    first, second = await contract.prepared(), await contract.connect()
    assert second.generation > first.generation
    leases = [(await contract.consume(connection))[0] for connection in (first, second, second)]
    assert len({lease.id for lease in leases}) == 3
    assert [lease.generation for lease in leases] == [first.generation, second.generation, second.generation]


async def test_no_more_than_prefetch_are_out(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(*[b"%d" % number for number in range(5)])
    lease, inbox = await contract.consume(connection, prefetch=2)
    await inbox.until(2)
    assert [message.body for message in await contract.contents()] == [b"2", b"3", b"4"]
    assert len(inbox.arrived) == 2
    lease.ack(1, multiple=False)
    await inbox.until(3)
    assert inbox.tags == [1, 2, 3]


async def test_what_is_published_while_consuming_arrives(contract: Contract) -> None:
    connection = await contract.prepared()
    _, inbox = await contract.consume(connection)
    await contract.put(b"a")
    assert (await inbox.until(1))[0][1].body == b"a"


async def test_after_the_cancel_nothing_comes_and_late_deliveries_have_come(contract: Contract) -> None:
    connection = await contract.prepared()
    lease, inbox = await contract.consume(connection, prefetch=1000)
    putting = asyncio.create_task(contract.put(*[b"%d" % number for number in range(50)]))
    await inbox.until(1)
    await within(lease.cancel())
    came = len(inbox.arrived)
    await putting
    left = await contract.contents()
    assert len(inbox.arrived) == came
    assert came + len(left) == 50


async def test_what_was_delivered_before_the_cancel_can_be_settled_after_it(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c")
    lease, inbox = await contract.consume(connection)
    await inbox.until(3)
    await within(lease.cancel())
    lease.ack(1, multiple=False)
    lease.nack(3, multiple=True)
    await within(lease.close())
    assert [message.body for message in await contract.contents()] == [b"b", b"c"]


async def test_a_cancel_may_be_asked_for_again_and_be_cancelled(contract: Contract) -> None:
    connection = await contract.prepared()
    lease, _ = await contract.consume(connection)
    asking = asyncio.create_task(lease.cancel())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    await within(lease.cancel())
    await within(lease.cancel())
    assert not lease.lost.done()


async def test_after_a_resume_deliveries_come_again_and_their_tags_go_on(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b")
    lease, inbox = await contract.consume(connection, prefetch=2)
    await inbox.until(2)
    for number in (3, 4):
        await within(lease.cancel())
        await contract.put(b"%d" % number)
        await within(lease.resume())
        await inbox.until(number)
    assert inbox.tags == [1, 2, 3, 4]
    lease.ack(3, multiple=True)
    lease.nack(4, multiple=False)
    await within(lease.cancel())
    await within(lease.close())
    assert [message.body for message in await contract.contents()] == [b"4"]


async def test_a_lost_lease_can_not_be_resumed(contract: Contract) -> None:
    connection = await contract.prepared()
    lease, _ = await contract.consume(connection)
    await within(lease.cancel())
    contract.side.cut()
    await within(lease.lost)
    with pytest.raises(BrokerAway):
        await within(lease.resume())
