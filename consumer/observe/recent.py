"""The last things that went wrong, kept for whoever asks: what happened and where, and nothing of what a message holds.

May know: events, a clock. May not know: the engine, who asks.
"""

import time
from collections import deque
from collections.abc import Mapping

from consumer.core.events import Event
from consumer.observe.log_events import is_business_as_usual

KEPT = 50
LONGEST = 300
"""Characters of a text that are kept."""
_OF_THE_CONNECTION = frozenset({"connecting", "connection_lost", "channel_lost", "queue_at_risk", "loop_blocked"})
"""Whose texts come from the broker, the system and us. What a handler raised may quote a message, or a secret: of
that the log has the text, and this has the numbers."""


class RecentErrors:
    """An observer that keeps the last warnings. Told on the loop's thread, read on any."""

    wants_routine = False

    def __init__(self) -> None:
        self._kept: deque[dict[str, object]] = deque(maxlen=KEPT)

    def __call__(self, event: Event) -> None:
        """Keep it, if it is one."""
        if not is_business_as_usual(event):
            about = {"event": event.name, "queue": event.queue, "message_id": event.message_id, "at": time.time()}
            self._kept.append({**about, **_fit_to_be_shown(event)})

    def newest_first(self) -> list[dict[str, object]]:
        """What is kept."""
        return list(reversed(self._kept.copy()))


def _fit_to_be_shown(event: Event) -> Mapping[str, object]:
    shown: dict[str, object] = {key: value for key, value in event.data.items() if isinstance(value, int | float)}
    if event.name in _OF_THE_CONNECTION:
        shown |= {key: value[:LONGEST] for key, value in event.data.items() if isinstance(value, str)}
    return shown
