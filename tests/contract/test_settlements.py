"""What ack and nack do, singly and in bulk, and what becomes of those that are illegal."""

import pytest

from tests.contract.sides import Contract, FakeSide, within


async def bodies(contract: Contract) -> list[bytes]:
    return [message.body for message in await contract.contents()]


async def test_an_acked_message_is_gone(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b")
    lease, inbox = await contract.consume(connection)
    await inbox.until(2)
    lease.ack(2, multiple=False)
    await within(lease.close())
    assert await bodies(contract) == [b"a"]


async def test_ack_with_multiple_settles_all_below(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c", b"d")
    lease, inbox = await contract.consume(connection)
    await inbox.until(4)
    lease.ack(3, multiple=True)
    await within(lease.close())
    assert await bodies(contract) == [b"d"]


async def test_multiple_spares_what_is_settled_already(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c", b"d")
    lease, inbox = await contract.consume(connection)
    await inbox.until(4)
    lease.ack(2, multiple=False)
    lease.nack(3, multiple=True)
    lease.ack(4, multiple=False)
    await within(lease.cancel())
    await within(lease.close())
    returned = await contract.contents()
    assert {message.body for message in returned} == {b"a", b"c"}
    assert all(message.redelivered for message in returned)


async def test_a_nacked_message_comes_back_to_the_head_redelivered(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c")
    lease, inbox = await contract.consume(connection, prefetch=1)
    await inbox.until(1)
    await within(lease.cancel())
    lease.nack(1, multiple=False)
    await within(lease.close())
    left = await contract.contents()
    assert [(message.body, message.redelivered) for message in left] == [(b"a", True), (b"b", False), (b"c", False)]


async def test_messages_nacked_in_bulk_come_back_in_their_order(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(*[b"%d" % number for number in range(6)])
    lease, inbox = await contract.consume(connection, prefetch=4)
    await inbox.until(4)
    await within(lease.cancel())
    lease.nack(4, multiple=True)
    await within(lease.close())
    assert await bodies(contract) == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_a_nacked_message_goes_to_whoever_consumes(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a")
    lease, inbox = await contract.consume(connection, prefetch=1)
    await inbox.until(1)
    await within(lease.cancel())
    _, other = await contract.consume(await contract.connect())
    lease.nack(1, multiple=False)
    assert (await other.until(1))[0][1].redelivered


async def test_a_rejected_message_comes_back_to_the_head_redelivered(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c")
    lease, inbox = await contract.consume(connection, prefetch=1)
    await inbox.until(1)
    await within(lease.cancel())
    lease.reject(1)
    await within(lease.close())
    left = await contract.contents()
    assert [(message.body, message.redelivered) for message in left] == [(b"a", True), (b"b", False), (b"c", False)]
    if isinstance(contract.side, FakeSide):
        assert [message.body for message in contract.side.broker.rejected] == [b"a"]


async def test_acks_nacks_and_rejects_are_carried_out_in_the_order_in_which_they_were_made(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(*[b"%d" % number for number in range(30)])
    lease, inbox = await contract.consume(connection)
    await inbox.until(30)
    await within(lease.cancel())
    for tag in range(1, 31, 3):  # a quorum queue forgets settlements beyond 32 that wait when the channel closes
        lease.reject(tag)
        lease.nack(tag + 1, multiple=True)  # covers what is unsettled below: nothing, if the reject came first
        lease.ack(tag + 2, multiple=True)
    await within(lease.close())
    left = [message.body for message in await contract.contents()]
    assert sorted(left, key=int) == [b"%d" % number for number in range(30) if number % 3 != 2]


async def test_a_reject_of_an_unknown_tag_costs_the_lease(contract: Contract) -> None:
    lease, _ = await contract.consume(await contract.prepared())
    lease.reject(7)
    assert "unknown delivery tag" in await within(lease.lost)
    contract.side.protocol_errors.clear()


@pytest.mark.parametrize("verb", ["ack", "nack"])
async def test_settlements_made_before_the_close_are_not_lost(contract: Contract, verb: str) -> None:
    connection = await contract.prepared()
    await contract.put(*[b"%d" % number for number in range(40)])
    lease, inbox = await contract.consume(connection)
    await inbox.until(40)
    await within(lease.cancel())
    for tag in range(1, 41, 2):
        getattr(lease, verb)(tag, multiple=False)
    await within(lease.close())
    unacked = [b"%d" % number for number in range(1, 40, 2)]
    nacked = [b"%d" % number for number in range(0, 40, 2)] if verb == "nack" else []
    assert sorted(await bodies(contract)) == sorted(unacked + nacked)


async def test_after_the_close_the_queue_has_exactly_the_unacked(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b", b"c")
    lease, inbox = await contract.consume(connection)
    await inbox.until(3)
    lease.ack(2, multiple=False)
    await within(lease.close())
    assert await within(lease.lost)
    left = await contract.contents()
    assert [(message.body, message.redelivered) for message in left] == [(b"a", True), (b"c", True)]


@pytest.mark.parametrize(("tag", "multiple"), [(7, False), (7, True), (1, False), (1, True)])
async def test_an_unknown_or_repeated_tag_costs_the_lease(contract: Contract, tag: int, multiple: bool) -> None:
    connection = await contract.prepared()
    await contract.put(b"a", b"b")
    lease, inbox = await contract.consume(connection)
    await inbox.until(2)
    lease.ack(1, multiple=False)
    lease.ack(tag, multiple=multiple)
    why = await within(lease.lost)
    assert "unknown delivery tag" in why
    assert "PRECONDITION" in why.upper()
    assert not connection.lost.done()
    assert await bodies(contract) == [b"b"]
    contract.side.protocol_errors.clear()
