"""What the engine tells of itself, and what it counts for itself as it does.

May know: events, entries of the ledger, the idle watch. May not know: what is done about any of it.

What every delivery goes through has a method of its own here: the event is made only while somebody wants it.
"""

from collections.abc import Mapping

from consumer.core.events import Audience, Event, EventName, Observer
from consumer.core.ledger import Entry
from consumer.engine.idle import IdleWatch


class Notes:
    """Called with an event, it tells it. `finished` and `handed_back` count since `count_anew`."""

    def __init__(self, audience: Audience, tell: Observer, idle: IdleWatch) -> None:
        self.finished = 0
        self.handed_back = 0
        self._audience = audience
        self._tell = tell
        self._idle = idle

    def __call__(self, event: Event) -> None:
        """Tell it, after it is counted."""
        match event.name:
            case "requeued" | "lease_lost":
                self.handed_back += event.data.get("reason") == "drain"
                self._idle.went()
            case "consuming":
                self._idle.begin()
            case "connection_lost" | "channel_lost" | "quieted":
                self._idle.end()  # until all is consumed again
        self._tell(event)

    def count_anew(self) -> None:
        """The drain begins: the report counts from here."""
        self.finished = self.handed_back = 0

    def received(self, entry: Entry, generation: int) -> None:
        """A delivery arrived."""
        self._idle.came()
        if self._audience.wants_routine:
            data = {"tag": entry.tag, "generation": generation, "redelivered": entry.message.redelivered}
            self._routine("received", entry, data)

    def started(self, entry: Entry) -> None:
        """Its handler is about to run."""
        if self._audience.wants_routine:
            self._routine("started", entry, {"attempt": entry.attempt})

    def finished_with(self, entry: Entry, outcome: str, seconds: float) -> None:
        """Its handler ran, for so long."""
        self.finished += 1
        if self._audience.wants_routine:
            self._routine("finished", entry, {"outcome": outcome, "seconds": round(seconds, 6)})

    def settled(self, entry: Entry, outcome: str) -> None:
        """It is acked."""
        self._idle.went()
        if self._audience.wants_routine:
            self._routine("settled", entry, {"outcome": outcome})

    def _routine(self, name: EventName, entry: Entry, data: Mapping[str, object]) -> None:
        message = entry.message
        self._tell(Event(name, message.queue, message.message_id, data))
