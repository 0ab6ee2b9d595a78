"""The inboxes of a worker's handlers, for as long as it runs: opened before the first delivery, closed after the last.

May know: inboxes, tasks. May not know: messages, handlers.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from consumer.core.events import Event, Observer

if TYPE_CHECKING:
    from consumer.engine.once import Once


class Inboxes:
    """Several handlers may share one."""

    def __init__(self, of_handlers: "Sequence[Once]", observe: Observer) -> None:
        self._of_handlers = of_handlers
        self._observe = observe
        self._renewing: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Open each. Raises ConfigurationError or InboxAway."""
        for inbox in {each.inbox for each in self._of_handlers}:
            await inbox.open()
        self._renewing = [
            asyncio.create_task(each.renew_for_ever(), name="lastcall inbox") for each in self._of_handlers
        ]

    async def close(self) -> None:
        """Stop keeping claims, and let go of the stores."""
        for renewing in self._renewing:
            renewing.cancel()
        if self._renewing:
            await asyncio.wait(self._renewing)
        for inbox in {each.inbox for each in self._of_handlers}:
            try:
                await inbox.close()
            except Exception as error:  # noqa: BLE001 - whatever it is, the worker has ended and leaves
                self._observe(Event("inbox_away", data={"error": str(error)}))
