"""What a person may type to mean a parking queue, and what is said of one that looking at is dangerous for."""

from collections.abc import Mapping

import pytest

from consumer.core.facts import QueueFacts, facts_of
from consumer.core.queue import PARKING_DECLARATION
from consumer.errors import BrokerRefused, ConfigurationError
from consumer.parked.finding import find, find_work_queue


class Broker:
    def __init__(self, version: tuple[int, int] = (4, 3), **arguments: Mapping[str, object]) -> None:
        self._version = version
        self._arguments = {name.replace("_", "."): given for name, given in arguments.items()}

    async def depth(self, queue: str) -> int | None:
        return 7 if queue in self._arguments else None

    async def facts(self, queue: str) -> QueueFacts:
        if self._arguments[queue].get("auto-delete"):
            raise BrokerRefused("it is auto-delete")
        return facts_of(self._version, self._arguments[queue])


@pytest.mark.parametrize(
    ("typed", "prefix"),
    [
        ("orders", "prod."),
        ("orders.parked", "prod."),
        ("prod.orders", "prod."),
        ("prod.orders.parked", "prod."),
        ("prod.orders", ""),
        ("prod.orders.parked", ""),
    ],
)
async def test_the_work_queue_and_the_parking_queue_are_understood_with_and_without_their_prefix(
    typed: str, prefix: str
) -> None:
    broker = Broker(prod_orders_parked=PARKING_DECLARATION)
    found = await find(broker, typed, prefix)
    assert (found.name, found.count, found.warning) == ("prod.orders.parked", 7, None)


async def test_a_work_queue_is_never_taken_for_a_parking_queue() -> None:
    with pytest.raises(ConfigurationError, match=r"there is no parking queue 'orders.parked'"):
        await find(Broker(orders={}), "orders", "")


async def test_where_a_work_queue_is_called_so_itself_its_own_parking_queue_comes_first() -> None:
    broker = Broker(odd_parked={}, odd_parked_parked={})
    assert (await find(broker, "odd.parked", "")).name == "odd.parked.parked"


@pytest.mark.parametrize("name", ["", "amq.gen", "x" * 300])
async def test_a_name_that_no_queue_can_have_is_wrong_usage(name: str) -> None:
    with pytest.raises(ConfigurationError, match="queue name"):
        await find(Broker(), name, "")


@pytest.mark.parametrize(
    ("version", "arguments", "warned"),
    [
        ((4, 0), {"x-queue-type": "quorum"}, True),
        ((4, 0), {"x-queue-type": "quorum", "x-delivery-limit": 5}, True),
        ((4, 0), {"x-queue-type": "quorum", "x-delivery-limit": -1}, False),
        ((4, 0), PARKING_DECLARATION, False),
        ((4, 0), {"x-queue-type": "classic"}, False),
        ((3, 10), {"x-queue-type": "quorum"}, False),
        ((4, 3), {"x-queue-type": "quorum"}, False),
        ((4, 3), {"auto-delete": True}, True),
    ],
)
async def test_a_parking_queue_that_looks_can_empty_is_warned_of(
    version: tuple[int, int], arguments: dict[str, object], warned: bool
) -> None:
    found = await find(Broker(version, orders_parked=arguments), "orders", "")
    assert (found.warning is not None) is warned


async def test_the_queue_to_move_to_has_to_be_there() -> None:
    broker = Broker(prod_orders={})
    assert await find_work_queue(broker, "orders", "prod.") == "prod.orders"
    assert await find_work_queue(broker, "prod.orders", "prod.") == "prod.orders"
    with pytest.raises(ConfigurationError, match=r"--to ordres: there is no queue 'prod\.ordres'"):
        await find_work_queue(broker, "ordres", "prod.")
