"""A stream that breaks ends the connection with its cause; a transport without the seam leaves the plain one."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from pamqp import commands as spec
from pamqp.frame import marshal
from yarl import URL

from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.seam import LaneFactory
from consumer.broker.port import Tls
from tests.broker.conftest import Line
from tests.broker.scripted import ScriptedBroker


async def test_a_broken_stream_ends_the_connection_and_is_logged(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.broker.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert await line.reader.read() == b""
    assert line.writer.transport.is_closing()
    assert [(record.name, record.levelno) for record in caplog.records] == [("lastcall", logging.WARNING)]
    assert "a frame of" in caplog.text


async def test_what_came_before_the_break_is_passed_on(line: Line) -> None:
    why = marshal(spec.Connection.Close(320, "CONNECTION_FORCED", 0, 0), 0)
    line.broker.writer.write(why + b"HTTP/1.1 400 Bad Request")
    assert await line.reader.read() == why


async def test_a_connection_whose_stream_breaks_is_reported_lost(scripted: ScriptedBroker) -> None:
    broker = AmqpBroker([scripted.url], name="lastcall", heartbeat=60, tls=Tls())
    connection, _ = await asyncio.gather(broker.connect(), scripted.welcome())
    assert not connection.lost.done()
    scripted.writer.write(b"\x01\x00\x00\xff\xff\xff\xff\xff")
    assert await connection.lost
    await connection.close()


async def test_nothing_is_written_on_a_channel_that_the_broker_has_closed_until_it_is_open_again(line: Line) -> None:
    line.broker.send(spec.Channel.Close(406, "PRECONDITION_FAILED", 60, 80), 1)
    await line.reader.readexactly(1)
    line.lane.write(1, b"lost ")
    line.lane.write(2, b"another channel's ")
    line.broker.send(spec.Channel.OpenOk(), 1)
    await line.reader.readuntil(marshal(spec.Channel.OpenOk(), 1))
    line.lane.write(1, b"open again")
    line.writer.close()
    assert await line.broker.reader.read() == b"another channel's open again"


class NoProtocols(asyncio.Transport):
    """A transport that never learned to change its protocol: asyncio's base class raises NotImplementedError."""


@pytest.mark.parametrize("transport", [object(), NoProtocols()])
async def test_a_transport_without_the_seam_is_used_as_it_is(
    transport: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pair: tuple[object, object] = (asyncio.StreamReader(), SimpleNamespace(transport=transport))

    class Plain:
        async def create(self, url: URL, **kwargs: Any) -> object:
            return pair

    monkeypatch.setattr("consumer.broker.amqp.seam.TCPTransportFactory", Plain)
    factory = LaneFactory()
    assert await factory.create(URL("amqp://broker/")) == pair
    assert factory.lane is None
    assert "no fast lane on this transport" in caplog.text


async def test_a_lane_of_an_earlier_attempt_is_not_taken_for_this_ones(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = LaneFactory()
    _, writer = await factory.create(URL(scripted.url))
    writer.transport.abort()

    class Unreachable:
        async def create(self, url: URL, **kwargs: Any) -> object:
            raise OSError("unreachable")

    monkeypatch.setattr("consumer.broker.amqp.seam.TCPTransportFactory", Unreachable)
    with pytest.raises(OSError, match="unreachable"):
        await factory.create(URL(scripted.url))
    assert factory.lane is None
