"""A queue of the fake broker: ready messages in order, the consumers that they go to, and what these still hold.

May know: core's messages. May not know: connections, gates, who publishes.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from consumer.core.delivery import Message


@dataclass(slots=True, eq=False)
class Stored:
    """A message in its queue: its place in the order of arrival, and whether it was handed out before."""

    position: int
    message: Message

    def handed_out_before(self) -> None:
        """It comes back: whoever gets it next sees `redelivered`."""
        self.message = self.message.replaced(redelivered=True)


class Consumer(Protocol):
    """Where a queue's messages go."""

    @property
    def has_room(self) -> bool:
        """Whether its prefetch window is open."""

    def send(self, stored: Stored) -> None:
        """Deliver it."""


class FakeQueue:
    """First in, first out; what is returned goes back to where it was, ahead of what came later."""

    def __init__(self, name: str, arguments: Mapping[str, object], on_change: Callable[[], None]) -> None:
        self.name = name
        self.arguments = dict(arguments)
        self._on_change = on_change
        self._positions = count()
        self._ready: list[Stored] = []
        self._unacked: dict[int, Stored] = {}
        self._consumers: deque[Consumer] = deque()

    @property
    def kind(self) -> object:
        """Its queue type."""
        return self.arguments.get("x-queue-type", "classic")

    @property
    def ready(self) -> list[Message]:
        """What waits for a consumer, the next one first."""
        return [stored.message for stored in self._ready]

    @property
    def unacked(self) -> list[Message]:
        """What consumers hold, in the order of arrival."""
        return [self._unacked[position].message for position in sorted(self._unacked)]

    def put(self, message: Message) -> None:
        """A new message, at the tail."""
        self._ready.append(Stored(next(self._positions), message))
        self.deliver()

    def put_back(self, returned: Iterable[Stored]) -> None:
        """Messages that a consumer held: each goes back to its place."""
        for stored in returned:
            del self._unacked[stored.position]
            stored.handed_out_before()
            insort(self._ready, stored, key=lambda known: known.position)
        self.deliver()

    def remove(self, acked: Iterable[Stored]) -> None:
        """Messages that a consumer has acked."""
        for stored in acked:
            del self._unacked[stored.position]
        self.deliver()

    def join(self, consumer: Consumer) -> None:
        """A consumer more; they are served in turn."""
        self._consumers.append(consumer)
        self.deliver()

    def leave(self, consumer: Consumer) -> None:
        """A consumer less; what it holds it keeps. Idempotent."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def deliver(self) -> None:
        """Hand out what is ready, as far as the prefetch windows allow."""
        while self._ready and (consumer := self._next_with_room()) is not None:
            stored = self._ready.pop(0)
            self._unacked[stored.position] = stored
            consumer.send(stored)
        self._on_change()

    def _next_with_room(self) -> Consumer | None:
        for _ in range(len(self._consumers)):
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if consumer.has_room:
                return consumer
        return None
