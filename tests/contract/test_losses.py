"""What a lost connection, a lost channel and a close leave behind."""

import asyncio

import pytest

from consumer.broker.port import Lease
from tests.contract.sides import Contract, Inbox, within


async def test_a_lost_connection_is_told_on_the_connection_and_its_leases(contract: Contract) -> None:
    connection = await contract.prepared()
    first, _ = await contract.consume(connection)
    second, _ = await contract.consume(connection)
    contract.side.cut()
    for told in (connection.lost, first.lost, second.lost):
        assert await within(told)


async def test_a_lost_connection_returns_what_was_unacked(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c")
    lease, inbox = await contract.consume(connection)
    await inbox.until(3)
    lease.ack(1, multiple=False)
    await within(lease.cancel())  # the broker has answered, so it has the ack before it too
    contract.side.cut()
    await within(lease.lost)
    _, other = await contract.consume(await contract.connect())
    await other.until(2)
    assert other.bodies == [b"b", b"c"]
    assert all(message.redelivered for _, message in other.arrived)


@pytest.mark.parametrize("end", ["the connection is cut", "the channel is closed"])
async def test_a_loss_is_told_at_once_by_a_plain_call(contract: Contract, end: str) -> None:
    connection = await contract.prepared()
    told: asyncio.Queue[tuple[Lease, bool]] = asyncio.Queue()
    lease = await within(
        connection.consume(contract.queue, 10, Inbox().take, lambda lease: told.put_nowait((lease, lease.lost.done())))
    )
    if end == "the connection is cut":
        contract.side.cut()
    else:
        await within(lease.close())
    assert await within(told.get()) == (lease, True)
    await within(connection.close())
    assert told.empty()


async def test_settling_after_the_loss_is_silently_ignored(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b")
    lease, inbox = await contract.consume(connection)
    await inbox.until(2)
    contract.side.cut()
    await within(lease.lost)
    lease.ack(1, multiple=False)
    lease.nack(2, multiple=True)
    lease.ack(99, multiple=False)
    lease.reject(2)
    await within(lease.cancel())
    await within(lease.close())
    _, other = await contract.consume(await contract.connect())
    assert [message.body for _, message in await other.until(2)] == [b"a", b"b"]


async def test_a_loss_during_the_cancel_ends_it(contract: Contract) -> None:
    connection = await contract.prepared()
    lease, _ = await contract.consume(connection)
    cancelling = asyncio.create_task(lease.cancel())
    contract.side.cut()
    await within(cancelling)
    await within(lease.lost)


async def test_a_close_returns_what_was_unacked_and_is_told_as_a_loss(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a")
    lease, inbox = await contract.consume(connection)
    await inbox.until(1)
    await within(connection.close())
    assert await within(connection.lost)
    assert await within(lease.lost)
    assert [message.body for message in await contract.contents()] == [b"a"]


async def test_a_close_may_be_asked_for_again(contract: Contract) -> None:
    connection = await contract.prepared()
    lease, _ = await contract.consume(connection)
    await within(lease.close())
    await within(lease.close())
    await within(connection.close())
    await within(connection.close())


async def test_one_closed_lease_leaves_the_others_alone(contract: Contract) -> None:
    connection = await contract.prepared()
    first, _ = await contract.consume(connection)
    await within(first.close())
    second, inbox = await contract.consume(connection)
    await contract.put(b"a")
    await inbox.until(1)
    assert not connection.lost.done()
    assert not second.lost.done()
