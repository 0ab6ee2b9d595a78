"""Of several publishes that are under way at once, the right one fails, and only that one."""

import asyncio

import pytest

from consumer.core.delivery import Outgoing, Properties
from consumer.errors import PublishFailed
from tests.contract.sides import Contract, within

NOWHERE = "a-queue-that-is-not-there"


async def fates(contract: Contract, *messages: Outgoing) -> list[str]:
    """What became of each, published all at once: "confirmed", or the failure's text."""
    publishes = (contract.publisher.publish(message) for message in messages)
    results = await within(asyncio.gather(*publishes, return_exceptions=True))
    for result in results:
        assert result is None or isinstance(result, PublishFailed)
    return ["confirmed" if result is None else str(result) for result in results]


@pytest.mark.parametrize("unroutable_first", [True, False], ids=["unroutable first", "unroutable last"])
@pytest.mark.parametrize("exchange", ["", "an-exchange-that-is-not-there"], ids=["no queue", "no exchange"])
async def test_of_two_with_the_same_message_id_the_one_that_no_queue_takes_fails(
    contract: Contract, exchange: str, unroutable_first: bool
) -> None:
    await contract.prepared()
    same = Properties(message_id="same")
    lost = Outgoing(b"lost", NOWHERE, exchange, same)
    kept = Outgoing(b"kept", contract.queue.name, properties=same)
    for _ in range(5):
        told = await fates(contract, *((lost, kept) if unroutable_first else (kept, lost)))
        failed, confirmed = told if unroutable_first else reversed(told)
        assert NOWHERE in failed
        assert confirmed == "confirmed"
    assert [message.body for message in await contract.contents()] == [b"kept"] * 5


@pytest.mark.parametrize(
    "missing", [("", NOWHERE), ("an-exchange-that-is-not-there", "key")], ids=["queue", "exchange"]
)
async def test_one_that_is_unroutable_fails_alone_among_many(contract: Contract, missing: tuple[str, str]) -> None:
    await contract.prepared()
    good = [Outgoing(b"%d" % number, contract.queue.name) for number in range(40)]
    exchange, key = missing
    bad = Outgoing(b"bad", key, exchange)
    told = await fates(contract, *good[:20], bad, *good[20:])
    assert [fate for fate in told if fate != "confirmed"] == [told[20]]
    assert repr(exchange) in told[20]
    assert sorted(message.body for message in await contract.contents()) == sorted(message.body for message in good)
