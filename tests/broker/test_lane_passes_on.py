"""Whoever reads behind the lane notices nothing of it, but that deliveries do not come by."""

import asyncio
import contextlib

import pytest
from pamqp import commands as spec
from pamqp.frame import marshal

from consumer.broker.amqp.lane import HEARTBEAT, SIGN_OF_LIFE
from tests.broker.clock import Clock
from tests.broker.conftest import Line
from tests.broker.streams import OURS, delivery

QOS_OK = marshal(spec.Basic.QosOk(), 1)


class Inbox:
    """Bodies that the lane has handed over."""

    def __init__(self, line: Line) -> None:
        self._bodies: asyncio.Queue[bytes] = asyncio.Queue()
        line.lane.cutter.add(OURS[0], lambda *delivered: self._bodies.put_nowait(delivered[-1]))

    async def next(self) -> bytes:
        return await self._bodies.get()


async def test_other_frames_reach_the_reader_and_deliveries_do_not(line: Line) -> None:
    inbox = Inbox(line)
    line.broker.writer.write(QOS_OK + delivery(1, b"one") + QOS_OK)
    assert await inbox.next() == b"one"
    assert await line.reader.readexactly(2 * len(QOS_OK)) == 2 * QOS_OK


async def test_while_only_deliveries_flow_the_reader_is_shown_a_heartbeat_a_second(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, clock = Inbox(line), Clock(monkeypatch)
    for ahead in (SIGN_OF_LIFE + 0.1, 0, SIGN_OF_LIFE + 0.1, 0):
        clock.forward(ahead)
        line.broker.writer.write(delivery(1, b"one"))
        await inbox.next()
    line.broker.writer.write(QOS_OK)
    expected = HEARTBEAT + HEARTBEAT + QOS_OK
    assert await line.reader.readexactly(len(expected)) == expected


async def test_a_handshake_in_pieces_is_not_shown_a_heartbeat_between_them(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = marshal(spec.Connection.Start(server_properties={}), 0)
    clock = Clock(monkeypatch)
    clock.forward(SIGN_OF_LIFE + 0.1)
    line.lane.data_received(start[:10])
    clock.forward(SIGN_OF_LIFE + 0.1)
    line.lane.data_received(start[10:])
    assert await line.reader.readexactly(len(start)) == start


async def test_the_end_of_the_brokers_bytes_is_passed_on(line: Line) -> None:
    line.broker.writer.write(QOS_OK)
    line.broker.writer.write_eof()
    assert await line.reader.read() == QOS_OK
    assert line.reader.at_eof()


async def test_a_lost_connection_is_passed_on_with_its_cause(line: Line) -> None:
    line.lane.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(ConnectionResetError, match="reset by peer"):
        await line.reader.readexactly(1)


async def test_a_full_buffer_holds_the_writer_until_there_is_room_again(line: Line) -> None:
    much = bytes(1 << 25)
    line.lane.write(1, much)
    draining = asyncio.create_task(line.writer.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    await line.broker.reader.readexactly(len(much))
    await draining


async def test_what_is_written_after_closing_is_ignored(line: Line) -> None:
    line.lane.write(1, b"before")
    line.writer.close()
    line.lane.write(1, b"after")
    assert await line.broker.reader.read() == b"before"
    with contextlib.suppress(ConnectionError):
        await line.writer.wait_closed()
    line.lane.write(1, b"long after")
