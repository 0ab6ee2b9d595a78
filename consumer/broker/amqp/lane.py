"""The fast lane: deliveries are cut out of the byte stream before aiormq's reader sees them; acks go straight out.

May know: asyncio's transports, AMQP frames. May not know: how it got its place, what a delivery leads to.

Most of what a message costs in Python is spent on the client's way in: awaited reads, a queue, decoded frames, a task
for each delivery. All else (handshake, TLS, RPCs, heartbeats, closing) stays aiormq's. See docs/adr/0008.
"""

import asyncio
import logging

from consumer.broker.amqp.cutter import Cutter
from consumer.broker.amqp.frames import BrokenStreamError
from consumer.broker.amqp.pulse import Pulse

HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"
"""A whole heartbeat frame (AMQP 0-9-1, 4.2.7)."""
SIGN_OF_LIFE = 1.0
"""Seconds between heartbeats that aiormq's watchdog is shown while it sees no deliveries."""

_log = logging.getLogger("lastcall")


class Lane(Pulse):
    """A pulse that takes the deliveries for our consumers out, and passes on all the rest."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self.cutter = Cutter()
        self._shown_at = self._heard_at

    def write(self, channel: int, frames: bytes) -> None:
        """Whole frames, in order; they mix safely with the whole frames that aiormq writes.

        Not on a channel that the broker has closed: after the close-ok it would close the connection for it (504),
        and aiormq sends that some turns of the loop before the lease hears of its loss.
        """
        if not self._transport.is_closing() and channel not in self.cutter.closed_channels:
            self._transport.write(frames)

    def data_received(self, data: bytes) -> None:
        """See Pulse."""
        self._heard_at = now = self._loop.time()
        try:
            passed_on = self.cutter.feed(data)
        except BrokenStreamError as error:
            _log.warning("the broker's bytes are no AMQP any more (%s): this connection is given up", error)
            for chunk in error.before:  # a connection.close with its cause, perhaps
                self._reader.data_received(chunk)
            self._transport.abort()
            return
        if passed_on:
            self._shown_at = now
            for chunk in passed_on:
                self._reader.data_received(chunk)
        elif self.cutter.consuming and now - self._shown_at > SIGN_OF_LIFE:
            self._shown_at = now
            self._reader.data_received(HEARTBEAT)
