"""A publisher that counts what it publishes, and how long the broker takes to confirm it.

May know: the port's publisher. May not know: what is published, who reads the numbers.
"""

from collections.abc import Awaitable
from time import monotonic

from consumer.broker.port import Publisher
from consumer.core.delivery import Outgoing
from consumer.core.tally import Published


class CountedPublisher:
    """See port.Publisher; `published` holds the numbers."""

    def __init__(self, publisher: Publisher) -> None:
        self.published = Published()
        self._publisher = publisher

    async def publish(self, outgoing: Outgoing) -> None:
        """See port.Publisher."""
        await self._counted(self._publisher.publish(outgoing))

    async def publish_later(self, outgoing: Outgoing, seconds: float) -> None:
        """See port.Publisher."""
        await self._counted(self._publisher.publish_later(outgoing, seconds))

    async def close(self) -> None:
        """See port.Publisher."""
        await self._publisher.close()

    async def _counted(self, publishing: Awaitable[None]) -> None:
        began = monotonic()
        try:
            await publishing
        except BaseException:  # cut short by a cancellation, too: nobody knows of a confirm
            self.published.failed += 1
            raise
        self.published.durations.add(monotonic() - began)
