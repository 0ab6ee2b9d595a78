"""The broker's pulse: every byte is a sign of life, and after two heartbeats without one the connection is given up.

May know: asyncio's transports and clocks, the error that aiormq hands on. May not know: frames, deliveries.

RabbitMQ sends something at least once in every heartbeat, so two without anything mean that packets are dropped, the
peer is stopped, or only its half of the connection is left. aiormq itself waits three heartbeats and then some.
"""

import asyncio
from typing import cast

from aiormq.exceptions import AMQPError

SILENT_HEARTBEATS = 2
"""So many heartbeats without a byte, and the connection is given up."""
SECOND_LOOK = 0.1
"""Seconds between the alarm and its verdict. When the loop was blocked, or the process stopped, the alarm rings late,
and perhaps before what waits in the kernel is read (uvloop's timers come before its reads)."""


class SilenceError(AMQPError):
    """The broker sent nothing for too long. No OSError, so that aiormq hands it on as it is to whoever waits."""

    reason = "%s"


class Pulse(asyncio.Protocol):
    """Stands before the protocol that aiormq reads from, passes everything on, and notices when nothing comes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._reader = cast("asyncio.Protocol", transport.get_protocol())
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._heartbeat = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._silence: SilenceError | None = None
        transport.set_protocol(self)

    def watch(self, heartbeat: float) -> None:
        """From now on. `heartbeat`: the negotiated interval in seconds; 0: the broker sends none, so don't."""
        if heartbeat and not self._transport.is_closing():
            self._heartbeat = heartbeat
            self._arm()

    def data_received(self, data: bytes) -> None:
        """What asyncio calls when bytes arrive."""
        self._heard_at = self._loop.time()
        self._reader.data_received(data)

    def eof_received(self) -> bool | None:
        """The broker has said its last."""
        return self._reader.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone. Whoever waits for anything of this connection gets the cause from aiormq."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._reader.connection_lost(self._silence or exc)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self._reader.resume_writing()

    def _arm(self) -> None:
        self._alarm = self._loop.call_at(self._heard_at + SILENT_HEARTBEATS * self._heartbeat, self._look)

    def _look(self) -> None:
        if self._loop.time() < self._heard_at + SILENT_HEARTBEATS * self._heartbeat:
            self._arm()
        else:
            self._alarm = self._loop.call_later(SECOND_LOOK, self._judge, self._heard_at)

    def _judge(self, heard_at: float) -> None:
        if not self._transport.is_reading() and not self._transport.is_closing():
            self._heard_at = self._loop.time()  # aiormq has asked for a pause: what comes waits at our own door
        if self._heard_at != heard_at:
            self._arm()
            return
        silent = self._loop.time() - heard_at
        self._silence = SilenceError(f"the broker was silent for {silent:.1f} s (heartbeat {self._heartbeat:g} s)")
        self._transport.abort()
