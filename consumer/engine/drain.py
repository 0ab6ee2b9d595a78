"""The drain: its specification, in the order in which it happens.

May know: what each part of the engine is asked to do. May not know: how it does it, AMQP, signals.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from consumer.core.events import Event, Observer
from consumer.delivery import Draining
from consumer.engine.background import Background
from consumer.engine.deadline import Deadline
from consumer.engine.dispatcher import Dispatcher
from consumer.engine.lifespan import Lifespan
from consumer.engine.settler import Settler
from consumer.engine.subscription import Subscription

LETTING_GO = 0.3
"""Seconds that cancelled handlers get to end before they are nacked and named all the same."""
CLEANING_UP = 1.0
"""Seconds that cancelled background tasks get for what they do in `finally`, once the handlers have ended."""
BROKER_REPLY = 5.0
"""Seconds that the broker gets to confirm a cancel or a close, once nothing is in flight any more."""


class Crew(NamedTuple):
    """Everyone who takes part in the drain."""

    draining: Draining
    background: Background
    subscriptions: Sequence[Subscription]
    settler: Settler
    lifespan: Lifespan
    observe: Observer

    @property
    def dispatchers(self) -> list[Dispatcher]:
        """The dispatcher of each queue."""
        return [subscription.dispatcher for subscription in self.subscriptions]


async def drain(crew: Crew, deadline: Deadline) -> list[str]:
    """Take no new work, hand back what is not started, finish what is, and leave nothing unsettled.

    Every wait in here is bounded by the deadline, and ends early when somebody hurries. Returns the orphans' names.
    """
    # 1. Nothing new is started; whoever wants to know is told. (All of this before the first await.)
    for dispatcher in crew.dispatchers:
        dispatcher.close()
    crew.draining.begin()
    crew.background.cancel()

    # 2. Stop consuming, on all queues at once; 3. as each cancel is confirmed, hand back what was not started there.
    handing_back = asyncio.ensure_future(_hand_back(crew.subscriptions))

    # 4. Meanwhile the handlers in flight run to their end, and are settled as they end.
    await _until_work_ends(crew, deadline)

    # 5. The deadline has passed: who still runs is cancelled, awaited, nacked and named.
    orphans = await _give_up_on_the_rest(crew)

    # 6. The broker has confirmed the cancels, and every settlement is on its way.
    await deadline.wait(handing_back, extra=LETTING_GO + 0.1, at_most=BROKER_REPLY)
    for subscription in crew.subscriptions:
        subscription.return_leftovers()
    crew.settler.flush()
    handing_back.cancel()

    # 7. Channels close behind the settlements (the barrier), then what the user opened is closed.
    await deadline.bound(_close(crew.subscriptions), extra=LETTING_GO + 0.2, at_most=BROKER_REPLY)
    orphans += await _until_the_background_has_cleaned_up(crew, deadline)
    await _close_the_lifespan(crew, deadline)
    return orphans


async def _hand_back(subscriptions: Sequence[Subscription]) -> None:
    await asyncio.gather(*(subscription.hand_back() for subscription in subscriptions))


async def _close(subscriptions: Sequence[Subscription]) -> None:
    await asyncio.gather(*(subscription.close() for subscription in subscriptions))


async def _until_work_ends(crew: Crew, deadline: Deadline) -> None:
    """Until no handler and no shielded stretch runs, or the deadline passes."""
    while (running := _running(crew)) and deadline.remaining():
        await deadline.wait(asyncio.gather(*running, return_exceptions=True))


async def _give_up_on_the_rest(crew: Crew) -> list[str]:
    in_flight = [pair for dispatcher in crew.dispatchers for pair in dispatcher.in_flight.items()]
    orphans = [entry for entry, task in in_flight if not task.done()]
    running = _running(crew)
    for dispatcher in crew.dispatchers:
        dispatcher.abandon()
    stretches = _given_up_stretches(crew)
    if running:
        await asyncio.wait(running, timeout=LETTING_GO)
    for dispatcher in crew.dispatchers:
        dispatcher.return_joined()
    for entry in orphans:
        crew.settler.requeue(entry, "orphan")  # nothing happens if it has been, by its handler's end
        crew.observe(Event("orphaned", entry.message.queue, entry.message.message_id, {"tag": entry.tag}))
    return [entry.message.message_id or f"tag {entry.tag}" for entry in orphans] + stretches


async def _until_the_background_has_cleaned_up(crew: Crew, deadline: Deadline) -> list[str]:
    """A moment for what cancelled tasks do in `finally`, and up to the deadline for what they shield in there."""
    while not await deadline.bound(crew.background.ended(), extra=LETTING_GO + 0.2, at_most=CLEANING_UP):
        if not crew.background.shielded or not deadline.remaining():
            break
        await deadline.wait(asyncio.gather(*crew.background.shielded, return_exceptions=True))
    return _given_up_stretches(crew)


def _given_up_stretches(crew: Crew) -> list[str]:
    stretches = [(work, name) for work, name in crew.background.shielded.items() if not work.done()]
    for work, _ in stretches:
        work.cancel()
    return [name for _, name in stretches]


async def _close_the_lifespan(crew: Crew, deadline: Deadline) -> None:
    try:
        closed = await deadline.bound(crew.lifespan.close(), extra=LETTING_GO + 0.3)
    except Exception as error:  # noqa: BLE001 - the user's clean-up failed: told, and no reason not to leave
        crew.observe(Event("lifespan_failed", data={"error": repr(error)}))
        return
    if not closed:
        crew.observe(Event("lifespan_failed", data={"error": "it was still closing when the drain timeout passed"}))


def _running(crew: Crew) -> "set[asyncio.Future[None]]":
    tasks = {task for dispatcher in crew.dispatchers for task in dispatcher.in_flight.values()}
    return {*tasks, *crew.background.shielded}
