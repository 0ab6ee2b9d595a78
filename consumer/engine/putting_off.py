"""Puts a message off: a confirmed copy that comes back to its queue when it is due, then (by the settler) the ack.

May know: the port's publisher. May not know: why it is to be tried again, who settles.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from consumer.broker.port import Publisher
from consumer.core.copies import retry_copy
from consumer.core.delivery import Message
from consumer.core.events import Event, Observer
from consumer.core.outcome import Again
from consumer.engine.copying import until_confirmed


class PuttingOff:
    """The way back, now or later, of messages that are to be tried again, with their count of attempts."""

    def __init__(self, publisher: Publisher, observe: Observer) -> None:
        self._publisher = publisher
        self._observe = observe

    async def put_off(self, message: Message, outcome: Again, still_ours: Callable[[], bool]) -> None:
        """Returns when the broker has confirmed the copy. Raises LeaseLost, and PublishFailed when it is permanent."""
        copy = retry_copy(message, outcome.attempt, datetime.now(UTC).isoformat())

        async def publish() -> None:
            if outcome.seconds:
                await self._publisher.publish_later(copy, outcome.seconds)
            else:
                await self._publisher.publish(copy)

        def tell(number: int, error: str) -> None:
            data = {"attempt": number, "error": error}
            self._observe(Event("retry_failed", message.queue, message.message_id, data))

        await until_confirmed(publish, still_ours, tell)
        data = {"attempt": outcome.attempt, "seconds": round(outcome.seconds, 3), "reason": outcome.reason}
        self._observe(Event("put_off", message.queue, message.message_id, data))
