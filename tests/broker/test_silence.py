"""A network that swallows packets: noticed within 2.5 heartbeats, and whatever waits for the broker ends with it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import get_args

import pytest
import trustme
from yarl import URL

from consumer import BrokerAway, PublishFailed
from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.broker import AmqpConnection, Transport
from consumer.broker.port import Publisher, Tls
from consumer.core.delivery import Outgoing
from consumer.core.queue import Queue
from tests.broker.live import Live
from tests.process.wires import Wire

pytestmark = pytest.mark.broker

HEARTBEAT = 1
NOTICED = 2.5 * HEARTBEAT
WAITING_ROOM = 10
"""Frames that wait in the client's queue to be written (aiormq's FRAME_BUFFER_SIZE)."""


@pytest.fixture
async def wire(live: Live) -> AsyncIterator[Wire]:
    url = URL(live.url)
    wire = Wire((url.host or "", url.port or 5672))
    yield wire
    wire.close()


def broker_over(wire: Wire, live: Live, transport: Transport = "fast", ca_file: Path | None = None) -> AmqpBroker:
    scheme, tls = ("amqp", Tls()) if ca_file is None else ("amqps", Tls(ca_file))
    url = URL(live.url).with_scheme(scheme).with_host("localhost").with_port(wire.port)
    return AmqpBroker([str(url)], name="lastcall test", heartbeat=HEARTBEAT, tls=tls, transport=transport)


async def noticed(connection: AmqpConnection) -> float:
    """Seconds from now until the loss is told."""
    since = time.monotonic()
    assert "the broker was silent for" in await asyncio.wait_for(asyncio.shield(connection.lost), 20)
    return time.monotonic() - since


@pytest.mark.parametrize("transport", get_args(Transport))
async def test_silence_is_noticed_within_two_and_a_half_heartbeats(
    live: Live, wire: Wire, transport: Transport
) -> None:
    await wire.connect()
    connection = await broker_over(wire, live, transport).connect()
    wire.freeze()
    assert await noticed(connection) < NOTICED


async def test_silence_is_noticed_behind_tls(live: Live, wire: Wire, tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    await wire.connect(context)
    connection = await broker_over(wire, live, ca_file=tmp_path / "ca.pem").connect()
    wire.freeze()
    assert await noticed(connection) < NOTICED


@pytest.mark.parametrize("transport", get_args(Transport))
async def test_a_broker_that_has_nothing_to_deliver_is_not_silent(live: Live, transport: Transport) -> None:
    broker = AmqpBroker([live.url], name="lastcall test", heartbeat=HEARTBEAT, tls=Tls(), transport=transport)
    connection = await broker.connect()
    await asyncio.wait({connection.lost}, timeout=2 * NOTICED)
    assert not connection.lost.done()
    await connection.close()


async def failure(waiting: Awaitable[object]) -> BaseException | None:
    try:
        await asyncio.wait_for(waiting, 20)
    except (BrokerAway, PublishFailed) as error:
        return error
    return None


@pytest.mark.parametrize("transport", get_args(Transport))
async def test_whatever_waits_for_a_silent_broker_ends_with_the_connection(
    live: Live, wire: Wire, transport: Transport
) -> None:
    await wire.connect()
    broker = broker_over(wire, live, transport)
    connection, publisher = await broker.connect(), broker.publisher()
    queue = Queue(live.name("work"))
    await connection.prepare(queue)
    lease = await connection.consume(queue, 1, lambda *_: None)
    outgoing = Outgoing(b"", routing_key=queue.name)
    await publisher.publish(outgoing)
    wire.freeze()
    prepared, published, cancelled = await asyncio.gather(
        failure(connection.prepare(queue)), failure(publisher.publish(outgoing)), failure(lease.cancel())
    )
    assert isinstance(prepared, BrokerAway)
    assert "silent for" in str(prepared)
    assert isinstance(published, PublishFailed)
    assert "not confirmed: SilenceError: the broker was silent for" in str(published)
    assert cancelled is None, "a lease that is lost needs no cancelling"
    assert "silent for" in await lease.lost
    assert "silent for" in await connection.lost
    await asyncio.gather(publisher.close(), connection.close())


async def test_closing_over_a_silent_network_takes_no_longer_than_noticing_it(live: Live, wire: Wire) -> None:
    await wire.connect()
    broker = broker_over(wire, live)
    connection, publisher = await broker.connect(), broker.publisher()
    await live.declare("work")
    await publisher.publish(Outgoing(b"", routing_key=live.name("work")))
    wire.freeze()
    async with asyncio.timeout(2 * NOTICED):
        await asyncio.gather(publisher.close(), connection.close())


async def test_a_publish_that_waits_for_room_in_the_clients_queue_fails_with_the_connection(
    live: Live, wire: Wire
) -> None:
    exchanges = [live.name(f"exchange{number}") for number in range(WAITING_ROOM + 5)]
    await live.declare("work")
    for number in range(len(exchanges)):
        await live.bind("work", f"exchange{number}")
    await wire.connect()
    publisher = broker_over(wire, live).publisher()
    await asyncio.gather(*(publisher.publish(Outgoing(b"", exchange=name, routing_key="")) for name in exchanges))
    wire.freeze()
    failures = await asyncio.gather(*(failure(_much(publisher, name)) for name in exchanges))
    for number in range(len(exchanges)):
        await live.delete_exchange(f"exchange{number}")
    assert [type(each) for each in failures] == [PublishFailed] * len(exchanges)


async def _much(publisher: Publisher, exchange: str) -> None:
    """More than the system's buffers take: the first one holds up all the others."""
    await publisher.publish(Outgoing(bytes(8 << 20), exchange=exchange, routing_key=""))
