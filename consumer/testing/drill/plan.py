"""The drill's schedule: how much is published when, when each scale-down comes, and whom it hits.

May know: numbers and a seed. May not know: processes, clocks, brokers.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

FIRST, LAST = 0.05, 0.90  # the scale-downs come between these shares of the messages
AHEAD = 2  # so many scale-downs ahead reaches what is published


@dataclass(frozen=True, slots=True)
class ScaleDown:
    """One worker is told to leave.

    Attributes:
        publish: So many messages, counted from the first, are published before. They reach beyond the next
            scale-down, so that the signal always meets workers that have work, and work that waits.
        after: The signal is sent as soon as so many messages are completed.
        pick: A number in [0, 1) that says which of the running workers gets it.
    """

    publish: int
    after: int
    pick: float

    def victim(self, running: Sequence[T]) -> T:
        """The one that gets the signal; `running` must not be empty."""
        return running[int(self.pick * len(running))]


def schedule(*, seed: int, messages: int, scale_downs: int) -> tuple[ScaleDown, ...]:
    """Spread the scale-downs over the messages: one at a random point of each of as many equal stretches."""
    dice = random.Random(seed)  # noqa: S311 - a drill is repeated by its seed; nothing here is secret
    stretch = (LAST - FIRST) * messages / max(scale_downs, 1)
    points = [int(FIRST * messages + (n + dice.random()) * stretch) for n in range(scale_downs)]
    return tuple(
        ScaleDown(publish=reach, after=point, pick=dice.random())
        for point, reach in zip(points, [*points[AHEAD:], *[messages] * AHEAD], strict=False)
    )
