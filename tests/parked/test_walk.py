"""A walk shows each message that was there once, in order, holds few of them, and hands back what was not taken."""

import asyncio

import pytest

from consumer.core.delivery import Message
from consumer.errors import BrokerAway
from consumer.parked import walk as walks
from consumer.parked.walk import Seen, Walk, walking
from consumer.testing.fake import FakeBroker

QUEUE = "orders.parked"


def broker_with(count: int) -> FakeBroker:
    broker = FakeBroker()
    for number in range(count):
        broker.put(QUEUE, message_id=f"m{number}")
    return broker


def ids(messages: list[Message]) -> list[str | None]:
    return [message.message_id for message in messages]


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "WINDOW", 3)


async def shown(broker: FakeBroker, count: int) -> list[Seen]:
    async with walking(await broker.connect(), QUEUE, count) as walk:
        return [seen async for seen in walk]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 10])
async def test_each_message_is_shown_once_in_order_and_all_go_back_in_order(count: int) -> None:
    broker = broker_with(count)
    seen = await shown(broker, count)
    assert [each.message.message_id for each in seen] == ids(broker.ready(QUEUE)) == [f"m{n}" for n in range(count)]
    assert [each.number for each in seen] == list(range(1, count + 1))
    assert broker.protocol_errors == []


async def test_what_goes_back_goes_by_nack_and_burns_no_delivery_limit() -> None:
    broker = broker_with(7)
    await shown(broker, 7)
    assert broker.returned_by_closing == []
    assert broker.rejected == []


async def test_what_is_taken_is_gone_and_the_rest_stays_in_order() -> None:
    broker = broker_with(10)
    async with walking(await broker.connect(), QUEUE, 10) as walk:
        async for seen in walk:
            if seen.number % 2:
                seen.take()
    assert ids(broker.ready(QUEUE)) == ["m1", "m3", "m5", "m7", "m9"]
    assert broker.protocol_errors == []


async def test_no_more_than_a_window_is_on_its_way() -> None:
    broker = broker_with(10)
    async with walking(await broker.connect(), QUEUE, 10) as walk:
        async for seen in walk:
            assert len(broker.unacked(QUEUE)) <= seen.number - 1 + 3


async def test_messages_that_come_meanwhile_are_not_walked() -> None:
    broker = broker_with(2)
    async with walking(await broker.connect(), QUEUE, 2) as walk:
        async for seen in walk:
            broker.put(QUEUE, message_id=f"new{seen.number}")
            assert seen.number <= 2
    assert ids(broker.ready(QUEUE)) == ["m0", "m1", "new1", "new2"]


async def test_a_walk_that_gets_nothing_more_ends_and_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "QUIET", 0.01)
    broker = broker_with(2)  # somebody else has taken the other three since they were counted
    assert len(await shown(broker, 5)) == 2
    assert ids(broker.ready(QUEUE)) == ["m0", "m1"]


async def test_a_stopped_walk_shows_nothing_more_and_hands_everything_back() -> None:
    broker = broker_with(5)
    async with walking(await broker.connect(), QUEUE, 5) as walk:
        async for _ in walk:
            walk.stop()
        assert (walk.looked, walk.ended) == (1, True)
    assert len(broker.ready(QUEUE)) == 5


async def test_a_walk_that_waits_for_a_message_can_be_stopped() -> None:
    broker = broker_with(0)
    broker.declare(QUEUE)
    async with asyncio.timeout(1), walking(await broker.connect(), QUEUE, 1) as walk:
        asyncio.get_running_loop().call_soon(walk.stop)
        assert [seen async for seen in walk] == []


async def test_a_stop_ends_a_rest() -> None:
    walk = Walk(await FakeBroker().connect(), QUEUE, 1)
    asyncio.get_running_loop().call_soon(walk.stop)
    async with asyncio.timeout(1):
        await walk.rest(60)


async def test_a_lost_connection_ends_the_walk_with_its_reason() -> None:
    broker = broker_with(5)
    async with walking(await broker.connect(), QUEUE, 5) as walk:
        await anext(walk)
        broker.cut()
        await asyncio.sleep(0)  # the lease is told in the loop's next turn
        with pytest.raises(BrokerAway, match=r"lost while looking at 'orders\.parked': connection reset"):
            await anext(walk)
        assert walk.ended
    assert len(broker.ready(QUEUE)) == 5


async def test_a_broker_that_does_not_answer_the_end_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walks, "PATIENCE", 0.01)
    broker = broker_with(1)
    gate = broker.hold("close-ok")
    async with asyncio.timeout(1):
        await shown(broker, 1)
    gate.open()
