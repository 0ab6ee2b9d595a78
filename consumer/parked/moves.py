"""What is done with each parked message that is wanted: moved back to work, dropped, or looked at.

May know: walks, stories, the port's publisher. May not know: how it is shown, exit codes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from consumer.broker.port import Publisher
from consumer.core.parked import ParkedStory, Wanted, replayed, story_of
from consumer.errors import PublishFailed
from consumer.parked.walk import Seen, Walk

Act: TypeAlias = Callable[[Seen, ParkedStory], Awaitable[bool]]
"""Does it with one message; True: done. Raises Unmoved when the message stays though it should not."""


class Unmoved(Exception):  # noqa: N818 - a finding about one message, told and gone on from
    """The message stays parked; the text says why, and the mend."""


@dataclass(slots=True)
class Tally:
    """What came of a walk. `there`: how many messages were in the queue at its start."""

    there: int
    looked: int = 0
    wanted: int = 0
    done: int = 0
    unmoved: int = 0

    @property
    def skipped(self) -> int:
        """Looked at, and not asked for."""
        return self.looked - self.wanted

    @property
    def left(self) -> int:
        """Of those that were there, how many still are once the `done` ones are gone."""
        return self.there - self.done


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done with which messages, at most `limit` of them.

    `tell` hears of each that stays, and why; `step` of each that was looked at.
    """

    wanted: Wanted
    limit: int | None
    act: Callable[[Walk, Publisher], Act]
    tell: Callable[[ParkedStory, str], None]
    step: Callable[[Tally], None]


async def carry_out(errand: Errand, walk: Walk, publisher: Publisher, tally: Tally) -> None:
    """Walk until nothing is left or the limit is reached; `tally` counts along. Raises BrokerAway."""
    act = errand.act(walk, publisher)
    async for seen in walk:
        tally.looked += 1
        story = story_of(seen.message)
        if errand.wanted.matches(story):
            await _do(act, seen, story, tally, errand.tell)
        errand.step(tally)
        if tally.wanted == errand.limit:
            return


async def _do(act: Act, seen: Seen, story: ParkedStory, tally: Tally, tell: Callable[[ParkedStory, str], None]) -> None:
    tally.wanted += 1
    try:
        tally.done += await act(seen, story)
    except Unmoved as stays:
        tally.unmoved += 1
        tell(story, str(stays))


def looked_at(rows: list[tuple[int, ParkedStory]]) -> Act:
    """Changes nothing; the message's number and its story are added to `rows`."""

    async def look(seen: Seen, story: ParkedStory) -> bool:
        rows.append((seen.number, story))
        return True

    return look


async def dropped(seen: Seen, _story: ParkedStory) -> bool:
    """Gone for good. See Act."""
    seen.take()
    return True


@dataclass(slots=True)
class Replay:
    """Moves messages back to the queue that they came from, one after the other: publish, confirm, ack.

    Attributes:
        to: move them to this queue instead.
        rate: messages a second at most; None: as fast as they are confirmed.
        even_incomplete: also those that lost headers or properties when they were parked.
        dry_run: find out what would be moved, and leave it where it is.
    """

    walk: Walk
    publisher: Publisher
    to: str | None = None
    rate: float | None = None
    even_incomplete: bool = False
    dry_run: bool = False
    _next_at: float = 0.0

    async def __call__(self, seen: Seen, story: ParkedStory) -> bool:
        """See Act."""
        to = self.to or story.queue
        if to is None:
            raise Unmoved("no header tells which queue it came from: give --to QUEUE")
        if story.incomplete is not None and not self.even_incomplete:
            raise Unmoved(f"it would go back without what it lost ({story.incomplete}): give --even-without-headers")
        if self.dry_run:
            return True
        await self._pace()
        if self.walk.ended:  # published now, it could not be acked
            return False
        try:
            await self.publisher.publish(replayed(seen.message, to))
        except PublishFailed as error:
            raise Unmoved(str(error)) from error
        seen.take()
        return True

    async def _pace(self) -> None:
        if self.rate is not None:
            now = asyncio.get_running_loop().time()
            if self._next_at > now:
                await self.walk.rest(self._next_at - now)
            self._next_at = max(now, self._next_at) + 1 / self.rate
