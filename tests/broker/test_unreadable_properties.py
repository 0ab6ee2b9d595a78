"""A message whose properties can't be decoded is one message's trouble, not its connection's."""

import asyncio

import pytest
from pamqp import commands as spec
from pamqp.header import ContentHeader

from consumer import Delivery, Settings, Worker
from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.convert import message_in
from consumer.broker.port import Tls
from consumer.core.events import Event
from consumer.testing.brokers import BrokerHandle

NANOSECONDS = 1_700_000_000_000_000_000
"""What time.time_ns() gave in 2023; read as the milliseconds that pamqp takes it for, the year 53872825."""


def hostile_header() -> bytes:
    header = ContentHeader(properties=spec.Basic.Properties(message_id="m-1", app_id="shop")).marshal()
    flags = int.from_bytes(header[12:14], "big") | spec.Basic.Properties.flags["timestamp"]
    message_id = header[14 : 14 + len("m-1") + 1]
    app_id = header[14 + len(message_id) :]
    return header[:12] + flags.to_bytes(2, "big") + message_id + NANOSECONDS.to_bytes(8, "big") + app_id


def test_a_timestamp_beyond_the_calendar_is_a_defect_and_what_came_before_it_is_there() -> None:
    message = message_in(hostile_header(), b"", "orders")
    assert (message.message_id, message.properties.timestamp) == ("m-1", None)
    assert message.defect is not None
    assert "can't be decoded" in message.defect.reason
    assert message.defect.raw == hostile_header()


class Hostile(spec.Basic.Properties):
    """Sends what pamqp would refuse to."""

    def marshal(self) -> bytes:
        return hostile_header()[12:]


@pytest.mark.broker
async def test_such_a_message_is_parked_and_its_neighbours_are_worked(
    lastcall_broker: BrokerHandle, queue_prefix: str
) -> None:
    broker = AmqpBroker([lastcall_broker.url], name="lastcall test", heartbeat=15, tls=Tls())
    worker = Worker(Settings.load(amqp_url=lastcall_broker.url, queue_prefix=queue_prefix))
    events: list[Event] = []
    consuming, parked, worked = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @worker.handler("work")
    async def work(payload: bytes, delivery: Delivery) -> None:
        worked.set()

    @worker.observe
    def note(event: Event) -> None:
        events.append(event)
        for name, noticed in (("consuming", consuming), ("parked", parked)):
            if event.name == name:
                noticed.set()

    async with asyncio.timeout(20):
        serving = asyncio.create_task(worker.serve())
        await consuming.wait()
        connection = await broker.connect()
        channel = await connection.channel()
        await channel.basic_publish(b"bad", routing_key=f"{queue_prefix}work", properties=Hostile())
        await parked.wait()
        await channel.basic_publish(b"good", routing_key=f"{queue_prefix}work")
        await worked.wait()
        worker.stop()
        report = await serving
        tools = broker.tools()
        assert await tools.depth(f"{queue_prefix}work.parked") == 1
        for queue in ("work", "work.parked"):
            await tools.delete(f"{queue_prefix}{queue}")
        await tools.close()
        await connection.close()
    assert report.exit_code == 0
    assert not [event for event in events if event.name in {"connection_lost", "channel_lost"}]
