"""Those who are told of a worker's events.

May know: events, stdlib logging. May not know: who they are, what makes the events.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from consumer.core.events import Event, Observer


class Observers:
    """Tells each of them; one that raises is told nothing more."""

    def __init__(self) -> None:
        self._observers: tuple[Observer, ...] = ()
        self.wants_routine = False
        """Whether one wants the events that every delivery goes through: each does, unless it says
        `wants_routine = False`, an attribute of its own."""

    def add(self, *observers: Observer) -> None:
        """From now on tell these too."""
        self._are((*self._observers, *observers))

    def remove(self, *observers: Observer) -> None:
        """Tell these no more."""
        self._are(tuple(each for each in self._observers if each not in observers))

    @contextmanager
    def meanwhile(self, observer: Observer | None) -> Iterator[None]:
        """Tell this one too, for a while; None: nobody."""
        added = () if observer is None else (observer,)
        self.add(*added)
        try:
            yield
        finally:
            self.remove(*added)

    def __call__(self, event: Event) -> None:
        """Tell all."""
        for observer in self._observers:
            try:
                observer(event)
            except Exception:
                self.remove(observer)
                logging.getLogger("lastcall").exception("an observer failed at %r and is told nothing more", event.name)

    def __iter__(self) -> Iterator[Observer]:
        return iter(self._observers)

    def _are(self, observers: tuple[Observer, ...]) -> None:
        self._observers = observers
        self.wants_routine = any(getattr(each, "wants_routine", True) for each in observers)
