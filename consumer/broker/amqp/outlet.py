"""How settlements leave a channel: in order, in few writes. Two ways out with one face.

May know: frames of basic.ack, basic.nack and basic.reject. May not know: why something is settled.
"""

import asyncio
import struct
from collections import deque
from contextlib import suppress
from typing import Protocol

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelInvalidStateError

from consumer.broker.amqp.lane import Lane
from consumer.core.watermark import Verb

_frame = struct.Struct(">BHIHHQBB")
_METHOD_IDS = {Verb.ACK: 80, Verb.NACK: 120, Verb.REJECT: 90}
_MULTIPLE = 1
_REQUEUE = {Verb.ACK: 0, Verb.NACK: 2, Verb.REJECT: 1}
"""The bits that come after the tag: basic.reject has no `multiple` before its `requeue`."""


class Outlet(Protocol):
    """Settlements of one channel."""

    def put(self, verb: Verb, tag: int, *, multiple: bool) -> None:
        """Put one in order. Never fails; does nothing once it is finished: closing returns what is unsettled then."""

    async def finish(self) -> None:
        """Until everything that was put is written."""

    def drop(self) -> None:
        """The channel is gone: nothing can be written any more."""


def settlement(channel: int, verb: Verb, tag: int, *, multiple: bool) -> bytes:
    """A whole frame: basic.ack, or basic.nack or basic.reject with requeue (AMQP 0-9-1, class 60)."""
    flags = (_MULTIPLE if multiple else 0) | _REQUEUE[verb]
    return _frame.pack(1, channel, 13, 60, _METHOD_IDS[verb], tag, flags, 0xCE)


class LaneOutlet:
    """Straight to the transport, once for each turn of the loop."""

    def __init__(self, lane: Lane, channel: int) -> None:
        self._lane = lane
        self._channel = channel
        self._frames: list[bytes] = []
        self._finished = False
        self._loop = asyncio.get_running_loop()

    def put(self, verb: Verb, tag: int, *, multiple: bool) -> None:
        """See Outlet."""
        if self._finished:
            return
        if not self._frames:
            self._loop.call_soon(self._write)
        self._frames.append(settlement(self._channel, verb, tag, multiple=multiple))

    async def finish(self) -> None:
        """See Outlet."""
        self._write()
        self._finished = True

    def drop(self) -> None:
        """See Outlet."""
        self._frames.clear()

    def _write(self) -> None:
        if self._frames:
            self._lane.write(self._channel, b"".join(self._frames))
            self._frames.clear()


class ClientOutlet:
    """Through aiormq's own acks, which look whether the channel is still open; one task writes them in order."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._waiting: deque[tuple[Verb, int, bool]] = deque()
        self._finishing = False
        self._filled = asyncio.Event()
        self._writer = asyncio.create_task(self._write(), name="lastcall settlements")

    def put(self, verb: Verb, tag: int, *, multiple: bool) -> None:
        """See Outlet."""
        self._waiting.append((verb, tag, multiple))
        self._filled.set()

    async def finish(self) -> None:
        """See Outlet."""
        self._finishing = True
        self._filled.set()
        await asyncio.wait({self._writer})

    def drop(self) -> None:
        """See Outlet. The writer may wait for room in the queue of a connection that sends nothing any more."""
        self._writer.cancel()

    async def _write(self) -> None:
        with suppress(ChannelInvalidStateError):  # the channel is closed: the lease hears of its loss by itself
            while self._waiting or not self._finishing:
                await self._filled.wait()
                self._filled.clear()
                while self._waiting:
                    verb, tag, multiple = self._waiting.popleft()
                    await self._send(verb, tag, multiple)

    async def _send(self, verb: Verb, tag: int, multiple: bool) -> None:
        match verb:
            case Verb.ACK:
                await self._channel.basic_ack(tag, multiple=multiple, wait=False)
            case Verb.NACK:
                await self._channel.basic_nack(tag, multiple=multiple, wait=False)
            case Verb.REJECT:
                await self._channel.basic_reject(tag, requeue=True, wait=False)
