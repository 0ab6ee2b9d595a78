"""A scripted broker, and a lane that leads to it; a real one, and workers on it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from yarl import URL

from consumer.broker.amqp.lane import Lane
from consumer.broker.amqp.seam import LaneFactory
from consumer.testing.brokers import BrokerHandle
from tests.broker.live import Live
from tests.broker.parked_command import Commands
from tests.broker.scripted import ScriptedBroker


@dataclass
class Line:
    """A connection through a lane: what aiormq would hold at one end, the broker at the other."""

    lane: Lane
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    broker: ScriptedBroker


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedBroker]:
    broker = await ScriptedBroker().listen()
    async with asyncio.timeout(20):
        yield broker
    broker.close()


@pytest.fixture
async def line(scripted: ScriptedBroker) -> AsyncIterator[Line]:
    factory = LaneFactory()
    reader, writer = await factory.create(URL(scripted.url))
    await scripted.dialled()
    assert factory.lane is not None
    yield Line(factory.lane, reader, writer, scripted)
    writer.transport.abort()


@pytest.fixture
async def live(lastcall_broker: BrokerHandle, queue_prefix: str) -> AsyncIterator[Live]:
    live = await Live(lastcall_broker.url, queue_prefix).open()
    yield live
    await live.close()


@pytest.fixture
async def commands(live: Live, queue_prefix: str, tmp_path: Path) -> AsyncIterator[Commands]:
    commands = Commands(live, queue_prefix, tmp_path)
    yield commands
    commands.close()
