"""What prepare declares, what it leaves alone, what it refuses."""

from dataclasses import replace

import pytest

from consumer.core.delivery import Outgoing, Properties
from consumer.core.queue import UNREACHABLE_DELIVERY_LIMIT, Binding
from consumer.errors import BrokerAway, BrokerRefused, PublishFailed
from tests.contract.sides import Contract, within


async def test_an_absent_queue_is_declared_with_its_parking_queue(contract: Contract) -> None:
    await contract.prepared()
    await contract.put(b"a")
    await contract.publish(Outgoing(b"p", contract.queue.parking))
    assert [message.body for message in await contract.contents()] == [b"a"]
    assert [message.body for message in await contract.contents(contract.queue.parking)] == [b"p"]


async def test_a_queue_that_is_declared_here_is_told_of_so(contract: Contract) -> None:
    connection = await contract.connect()
    first = await within(connection.prepare(contract.queue))
    again = await within(connection.prepare(contract.queue))
    assert (first.kind, first.delivery_limit, first.limit_source) == ("quorum", UNREACHABLE_DELIVERY_LIMIT, "argument")
    assert first.dead_letters
    assert not first.native_delay
    assert first.declared_here
    assert again == first._replace(declared_here=False)


async def test_a_classic_queue_has_no_delivery_limit(contract: Contract) -> None:
    connection = await contract.connect()
    for _ in range(2):
        facts = await within(connection.prepare(replace(contract.queue, type="classic")))
        assert (facts.kind, facts.delivery_limit, facts.nack_is_free) == ("classic", None, True)
        assert not facts.counts_failures_only


async def test_preparing_again_changes_nothing(contract: Contract) -> None:
    connection = await contract.prepared()
    await contract.put(b"a")
    await within(connection.prepare(contract.queue))
    await within(connection.prepare(replace(contract.queue, arguments={"x-max-length": 7})))
    assert [message.body for message in await contract.contents()] == [b"a"]


async def test_a_queue_that_may_not_be_declared_and_is_absent_is_refused(contract: Contract) -> None:
    connection = await contract.connect()
    with pytest.raises(BrokerRefused, match="does not exist"):
        await within(connection.prepare(replace(contract.queue, declare=False)))
    assert not connection.lost.done()


async def test_a_queue_that_may_not_be_declared_and_is_there_is_used(contract: Contract) -> None:
    connection = await contract.prepared()
    await within(connection.prepare(replace(contract.queue, declare=False)))


async def test_a_queue_of_another_type_than_asked_for_is_refused(contract: Contract) -> None:
    connection = await contract.prepared(replace(contract.queue, type="quorum"))
    with pytest.raises(BrokerRefused, match="is a quorum queue"):
        await within(connection.prepare(replace(contract.queue, type="classic")))


async def test_preparing_on_a_lost_connection_says_that_the_broker_is_away(contract: Contract) -> None:
    connection = await contract.connect()
    contract.side.cut()
    await within(connection.lost)
    with pytest.raises(BrokerAway):
        await within(connection.prepare(contract.queue))


async def test_consuming_on_a_lost_connection_says_that_the_broker_is_away(contract: Contract) -> None:
    connection = await contract.prepared()
    contract.side.cut()
    await within(connection.lost)
    with pytest.raises(BrokerAway):
        await contract.consume(connection)


@pytest.mark.parametrize(
    ("binding", "taken", "refused"),
    [
        (Binding("x", "order.*.paid"), {"routing_key": "order.7.paid"}, {"routing_key": "order.7.8.paid"}),
        (Binding("x", "order.#"), {"routing_key": "order"}, {"routing_key": "orders"}),
        (Binding("x", "#.paid.#"), {"routing_key": "a.b.paid"}, {"routing_key": "a.unpaid.b"}),
        (Binding("x", "order.paid", type="direct"), {"routing_key": "order.paid"}, {"routing_key": "order.#"}),
        (
            Binding("x", type="headers", arguments={"x-match": "all", "kind": "a", "n": 1}),
            {"routing_key": "", "properties": Properties(headers={"kind": "a", "n": 1, "more": True})},
            {"routing_key": "", "properties": Properties(headers={"kind": "a"})},
        ),
        (
            Binding("x", type="headers", arguments={"x-match": "any", "kind": "a", "n": 1}),
            {"routing_key": "", "properties": Properties(headers={"n": 1})},
            {"routing_key": "", "properties": Properties(headers={"n": 2})},
        ),
    ],
    ids=["star", "hash", "hash-around", "direct", "headers-all", "headers-any"],
)
async def test_bindings_route_what_matches_and_nothing_else(
    contract: Contract, binding: Binding, taken: dict[str, object], refused: dict[str, object]
) -> None:
    exchange = f"{contract.queue.name}.{binding.exchange}"
    await contract.prepared(replace(contract.queue, bindings=[replace(binding, exchange=exchange)]))
    await contract.publish(Outgoing(b"taken", exchange=exchange, **taken))  # type: ignore[arg-type]  # a table of tests
    with pytest.raises(PublishFailed, match="no queue takes it"):
        await contract.publish(Outgoing(b"refused", exchange=exchange, **refused))  # type: ignore[arg-type]  # same
    assert [message.body for message in await contract.contents()] == [b"taken"]


async def test_a_fanout_exchange_gives_a_copy_to_its_queue_whatever_the_key(contract: Contract) -> None:
    exchange = f"{contract.queue.name}.x"
    await contract.prepared(replace(contract.queue, bindings=[Binding(exchange, type="fanout")]))
    await contract.publish(Outgoing(b"a", "anything", exchange))
    (message,) = await contract.contents()
    assert (message.exchange, message.routing_key) == (exchange, "anything")
