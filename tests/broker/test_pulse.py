"""A broker that falls silent is noticed after two heartbeats; one that has nothing to say, or is not heard, is not."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import cast, get_args

import pytest
from yarl import URL

from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.broker import Transport
from consumer.broker.amqp.lane import HEARTBEAT, Lane
from consumer.broker.amqp.pulse import SECOND_LOOK, Pulse, SilenceError
from consumer.broker.amqp.seam import LaneFactory
from consumer.broker.port import Tls
from tests.broker.clock import Clock
from tests.broker.scripted import ScriptedBroker

INTERVAL = 60.0


class Watched:
    """A connection whose pulse is watched: what aiormq would hold at one end, the broker at the other."""

    def __init__(self, broker: ScriptedBroker, clock: Clock) -> None:
        self.broker = broker
        self.clock = clock

    async def open(self, stand_before: type[Pulse], heartbeat: float) -> "Watched":
        factory = LaneFactory(stand_before)
        self.reader, self.writer = await factory.create(URL(self.broker.url))
        self.transport = cast("asyncio.Transport", self.writer.transport)
        await self.broker.dialled()
        assert factory.pulse is not None
        factory.pulse.watch(heartbeat)
        return self

    async def beat(self) -> None:
        """The broker sends a heartbeat, and it arrives."""
        self.broker.writer.write(HEARTBEAT)
        assert await self.reader.readexactly(len(HEARTBEAT)) == HEARTBEAT

    async def judged(self) -> None:
        """Until the alarm that is due by now has rung, and its verdict been given: some turns of the loop."""
        for _ in range(4):
            self.clock.forward(SECOND_LOOK)
            await asyncio.sleep(0)


@pytest.fixture
async def watched(scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    watched = Watched(scripted, Clock(monkeypatch))
    yield watched
    watched.transport.abort()


@pytest.mark.parametrize("stand_before", [Lane, Pulse])
async def test_two_heartbeats_of_silence_end_the_connection_with_their_cause(
    watched: Watched, stand_before: type[Pulse]
) -> None:
    await watched.open(stand_before, INTERVAL)
    await watched.beat()
    watched.clock.forward(2 * INTERVAL)
    with pytest.raises(SilenceError, match=r"the broker was silent for 120\.\d s \(heartbeat 60 s\)"):
        await watched.reader.readexactly(1)
    assert watched.transport.is_closing()


@pytest.mark.parametrize("stand_before", [Lane, Pulse])
async def test_a_broker_that_sends_nothing_but_heartbeats_is_alive(watched: Watched, stand_before: type[Pulse]) -> None:
    await watched.open(stand_before, INTERVAL)
    for _ in range(5):
        watched.clock.forward(1.9 * INTERVAL)
        await watched.beat()
        await watched.judged()
    assert not watched.transport.is_closing()


async def test_what_waits_in_the_kernel_after_a_blocked_loop_is_read_before_the_verdict(watched: Watched) -> None:
    """The alarm rings in the same turn of the loop as the block ends: nothing could be read in between."""
    await watched.open(Lane, INTERVAL)
    await watched.beat()
    blocked = asyncio.Event()

    def block() -> None:
        watched.broker.writer.write(HEARTBEAT * 6)
        watched.clock.forward(3 * INTERVAL)
        blocked.set()

    asyncio.get_running_loop().call_later(INTERVAL, block)
    watched.clock.forward(2 * INTERVAL)  # both are due now: the block, and the alarm behind it
    await blocked.wait()
    assert await watched.reader.readexactly(6 * len(HEARTBEAT)) == HEARTBEAT * 6
    await watched.judged()
    assert not watched.transport.is_closing()


async def test_a_broker_that_falls_silent_behind_a_blocked_loop_is_noticed_all_the_same(watched: Watched) -> None:
    await watched.open(Lane, INTERVAL)
    asyncio.get_running_loop().call_soon(watched.clock.forward, 3 * INTERVAL)
    with pytest.raises(SilenceError, match="silent for 180"):
        await watched.reader.readexactly(1)


async def test_bytes_that_nobody_reads_for_a_while_are_no_silence(watched: Watched) -> None:
    await watched.open(Lane, INTERVAL)
    watched.transport.pause_reading()
    for _ in range(3):
        watched.clock.forward(2 * INTERVAL)
        await watched.judged()
    watched.transport.resume_reading()
    await watched.beat()
    assert not watched.transport.is_closing()


async def test_closing_does_not_wait_for_a_silent_broker_to_take_what_is_unsent(watched: Watched) -> None:
    await watched.open(Lane, INTERVAL)
    watched.writer.write(bytes(1 << 25))
    watched.writer.close()
    watched.clock.forward(2 * INTERVAL)
    with pytest.raises(SilenceError):
        await asyncio.wait_for(watched.writer.wait_closed(), 20)


async def test_without_heartbeats_silence_means_nothing(watched: Watched) -> None:
    await watched.open(Lane, heartbeat=0)
    watched.clock.forward(100 * INTERVAL)
    await watched.judged()
    await watched.beat()
    assert not watched.transport.is_closing()


@pytest.mark.parametrize("transport", get_args(Transport))
async def test_a_silent_broker_is_told_as_the_reason_of_the_loss(
    scripted: ScriptedBroker, transport: Transport
) -> None:
    broker = AmqpBroker([scripted.url], name="lastcall", heartbeat=1, tls=Tls(), transport=transport)
    connection, _ = await asyncio.gather(broker.connect(), scripted.welcome())
    assert re.search(r"the broker was silent for \d\.\d s \(heartbeat 1 s\)", await connection.lost)
    await connection.close()
