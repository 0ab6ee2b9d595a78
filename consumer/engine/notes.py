"""What the engine tells of itself, and what it counts for itself as it does.

May know: events, entries of the ledger, the idle watch. May not know: what is done about any of it.

What every delivery goes through has a method of its own here: the event is made only while somebody wants it.
"""

from collections import defaultdict
from collections.abc import Mapping

from consumer.core.events import Audience, Event, EventName, Observer
from consumer.core.ledger import Entry
from consumer.core.tally import Tally
from consumer.engine.idle import IdleWatch


class Notes:
    """Called with an event, it tells it. `finished` and `handed_back` count since `count_anew`.

    `tallies`, by queue, and `told`, by event and queue (routine ones excepted), count from the start.
    """

    def __init__(self, audience: Audience, tell: Observer, idle: IdleWatch | None) -> None:
        self.finished = 0
        self.handed_back = 0
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.told: defaultdict[tuple[str, str | None], int] = defaultdict(int)
        self._audience = audience
        self._tell = tell
        self._idle = idle

    def __call__(self, event: Event) -> None:
        """Tell it, after it is counted."""
        self.told[event.name, event.queue] += 1
        if event.name in {"requeued", "lease_lost"}:
            self._left(event)
        elif self._idle is not None:
            self._watch_for_idleness(self._idle, event)
        self._tell(event)

    def _watch_for_idleness(self, idle: IdleWatch, event: Event) -> None:
        match event.name:
            case "consuming":
                idle.begin()
            case "connection_lost" | "channel_lost" | "quieted" | "drain_started":
                idle.end()  # until all is consumed again

    def _left(self, event: Event) -> None:
        reason, tally = str(event.data.get("reason")), self.tallies[event.queue or ""]
        if event.name == "requeued":
            tally.returned(reason)
        else:
            tally.ended["lease_lost"] += 1
        self.handed_back += reason == "drain"
        if self._idle is not None:
            self._idle.went()

    def count_anew(self) -> None:
        """The drain begins: the report counts from here."""
        self.finished = self.handed_back = 0

    def received(self, entry: Entry, generation: int) -> None:
        """A delivery arrived."""
        if self._idle is not None:
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
        self.tallies[entry.message.queue].ended[outcome] += 1
        if self._idle is not None:
            self._idle.went()
        if self._audience.wants_routine:
            self._routine("settled", entry, {"outcome": outcome})

    def _routine(self, name: EventName, entry: Entry, data: Mapping[str, object]) -> None:
        message = entry.message
        self._tell(Event(name, message.queue, message.message_id, data))
