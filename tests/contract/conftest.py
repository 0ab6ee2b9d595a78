"""The contract suite runs three times: against the fake broker, and against RabbitMQ on each transport."""

from collections.abc import AsyncIterator
from typing import get_args

import pytest

from consumer.broker.amqp.broker import Transport
from tests.contract.sides import AmqpSide, Contract, FakeSide

REAL = [pytest.param(transport, marks=pytest.mark.broker) for transport in get_args(Transport)]


@pytest.fixture(params=["fake", *REAL])
async def contract(request: pytest.FixtureRequest) -> AsyncIterator[Contract]:
    if request.param == "fake":
        contract = Contract(FakeSide())
    else:
        contract = Contract(await AmqpSide(request.getfixturevalue("lastcall_broker").url, request.param).open())
    yield contract
    await contract.close()
    assert contract.side.protocol_errors == []
