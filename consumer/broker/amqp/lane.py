"""The fast lane: deliveries are cut out of the byte stream before aiormq's reader sees them; acks go straight out.

May know: asyncio's transports, the public seams of aiormq and aio-pika. May not know: what a delivery leads to.

Most of what a message costs in Python is spent on the client's way in: awaited reads, a queue, decoded frames, a task
for each delivery. All else (handshake, TLS, RPCs, heartbeats, closing) stays aiormq's. See docs/adr/0008.
"""

import asyncio
import logging
from typing import Any, cast

import aio_pika
from aio_pika.abc import ConnectionParameter
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from yarl import URL

from consumer.broker.amqp.cutter import BrokenStreamError, Cutter

HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"
"""A whole heartbeat frame (AMQP 0-9-1, 4.2.7)."""
SIGN_OF_LIFE = 1.0
"""Seconds between heartbeats that aiormq's watchdog is shown while it sees no deliveries."""

_log = logging.getLogger("lastcall")


class Lane(asyncio.Protocol):
    """Stands before the protocol that aiormq reads from, and shows it everything that is not a delivery of ours."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.cutter = Cutter()
        self._transport = transport
        self._reader = cast("asyncio.Protocol", transport.get_protocol())
        self._loop = asyncio.get_running_loop()
        self._shown_at = self._loop.time()
        transport.set_protocol(self)

    def write(self, channel: int, frames: bytes) -> None:
        """Whole frames, in order; they mix safely with the whole frames that aiormq writes.

        Not on a channel that the broker has closed: after the close-ok it would close the connection for it (504),
        and aiormq sends that some turns of the loop before the lease hears of its loss.
        """
        if not self._transport.is_closing() and channel not in self.cutter.closed_channels:
            self._transport.write(frames)

    def data_received(self, data: bytes) -> None:
        """What asyncio calls when bytes arrive."""
        try:
            passed_on = self.cutter.feed(data)
        except BrokenStreamError as error:
            _log.warning("the broker's bytes are no AMQP any more (%s): this connection is given up", error)
            self._transport.abort()
            return
        now = self._loop.time()
        if passed_on:
            self._shown_at = now
            for chunk in passed_on:
                self._reader.data_received(chunk)
        elif self.cutter.consuming and now - self._shown_at > SIGN_OF_LIFE:
            self._shown_at = now
            self._reader.data_received(HEARTBEAT)

    def eof_received(self) -> bool | None:
        """The broker has said its last."""
        return self._reader.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone."""
        self._reader.connection_lost(exc)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self._reader.resume_writing()


class LaneFactory(TransportFactory):
    """Opens the connection as aiormq's own factories do, and puts a lane before its reader."""

    def __init__(self) -> None:
        self.lane: Lane | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See aiormq.connection.TransportFactory."""
        self.lane = None  # not that of an earlier attempt
        stock = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, writer = await stock.create(url, **kwargs)
        try:
            self.lane = Lane(cast("asyncio.Transport", writer.transport))
        except (AttributeError, NotImplementedError, TypeError) as error:  # a transport without the seam
            _log.warning("no fast lane on this transport (%r): using the plain one", error)
        return reader, writer


class LaneConnection(aio_pika.Connection):
    """An aio-pika connection that passes a transport factory on to aiormq."""

    PARAMETERS = (
        *aio_pika.Connection.PARAMETERS,
        ConnectionParameter(name="transport_factory", parser=lambda factory: factory, is_kwarg=True),
    )
