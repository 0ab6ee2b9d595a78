"""A walk over a queue: each message that was there at the start is shown once, and what is not taken goes back.

May know: the port. May not know: what a parked message is, terminals, why something is taken.

A message that goes back comes first again, so all that stay must be held until the walk ends. They are held at the
broker, and here is no more of them than their delivery tags. Each channel has a window; once it is full of messages
that stay, another one is opened. So as many messages as a window takes are in memory, however many the queue has.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from consumer.broker.port import Connection, Lease
from consumer.core.delivery import Message
from consumer.core.queue import Queue
from consumer.errors import BrokerAway

WINDOW = 200
"""Messages that are here, or on their way, at once."""
QUIET = 5.0
"""Seconds without a delivery after which the walk ends early: somebody else has taken the rest, or holds it."""
RETURNED_TOGETHER = 32
"""Messages in one nack: RabbitMQ 3.10 shuffles what a nack of more returns (measured)."""
PATIENCE = 10.0
"""Seconds that handing back may take; closing the connection does it too, and counts as a failed delivery."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message on the walk. Unless `take` (basic.ack) is called before the next one is asked for, it goes back."""

    number: int
    message: Message
    take: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Window:
    room: int
    unsettled: set[int] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        return len(self.unsettled) >= self.room


class Walk:
    """See `walking`. Iterate over it; `stop` ends it from a signal handler, `close` hands back what was not taken."""

    def __init__(self, connection: Connection, queue: str, count: int) -> None:
        self.count = count
        self.looked = 0
        self.lost: str | None = None
        self._connection = connection
        self._queue = Queue(queue)
        self._windows: list[_Window] = []
        self._leases: list[tuple[Lease, _Window]] = []
        self._arrived: deque[tuple[Lease, _Window, int, Message]] = deque()
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def ended(self) -> bool:
        """It was stopped, or its connection was lost: nothing more may be taken."""
        return self._ended.is_set()

    def stop(self) -> None:
        """End it at the next message; idempotent."""
        self._ended.set()
        self._news.set()

    async def rest(self, seconds: float) -> None:
        """Wait, no longer than until it is ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    def __aiter__(self) -> "Walk":
        return self

    async def __anext__(self) -> Seen:
        """The next message. Raises BrokerAway when the connection is lost."""
        if self.looked >= self.count or not await self._has_arrived():
            raise StopAsyncIteration
        lease, window, tag, message = self._arrived.popleft()
        self.looked += 1
        return Seen(self.looked, message, partial(self._take, lease, window, tag))

    async def close(self) -> None:
        """Cancel first, or what goes back would come again; then one channel after the other, to keep the order."""
        await asyncio.gather(*(lease.cancel() for lease, _ in self._leases))
        for lease, window in self._leases:
            tags = sorted(window.unsettled)
            for first in range(0, len(tags), RETURNED_TOGETHER):
                lease.nack(tags[first : first + RETURNED_TOGETHER][-1], multiple=True)
            await lease.close()

    async def _has_arrived(self) -> bool:
        """Wait for a delivery; False: none is to come."""
        while not (self._arrived or self.ended):
            if all(window.is_full for window in self._windows):
                await self._open_window()
                continue
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET):
                    await self._news.wait()
            except TimeoutError:
                return False
        if self.lost is not None:
            raise BrokerAway(f"{self._connection.address}: lost while looking at {self._queue.name!r}: {self.lost}")
        return not self.ended

    async def _open_window(self) -> None:
        window = _Window(min(WINDOW, self.count - self.looked))
        self._windows.append(window)
        lease = await self._connection.consume(self._queue, window.room, partial(self._receive, window))
        self._leases.append((lease, window))
        lease.lost.add_done_callback(self._on_lost)

    def _receive(self, window: _Window, lease: Lease, tag: int, message: Message) -> None:
        window.unsettled.add(tag)
        self._arrived.append((lease, window, tag, message))
        self._news.set()

    def _take(self, lease: Lease, window: _Window, tag: int) -> None:
        window.unsettled.remove(tag)
        lease.ack(tag, multiple=False)

    def _on_lost(self, lost: "asyncio.Future[str]") -> None:
        self.lost = self.lost or lost.result()
        self.stop()


@asynccontextmanager
async def walking(connection: Connection, queue: str, count: int) -> AsyncIterator[Walk]:
    """A walk over the first `count` messages of the queue; what was not taken is back in it afterwards."""
    walk = Walk(connection, queue, count)
    try:
        yield walk
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await walk.close()
