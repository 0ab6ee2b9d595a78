"""Sets a message aside: a confirmed copy in the parking queue first, then (by the settler) the ack.

May know: the port's publisher. May not know: why it is set aside, who settles.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from consumer.broker.port import Publisher
from consumer.core.delivery import Message
from consumer.core.events import Event, EventName, Observer
from consumer.core.outcome import Parked
from consumer.core.parking import bare_copy, parked_copy
from consumer.engine.copying import until_confirmed
from consumer.errors import PublishFailed


class Parking:
    """The parking queue of one handler."""

    def __init__(self, publisher: Publisher, queue: str, observe: Observer) -> None:
        self._publisher = publisher
        self._queue = queue
        self._observe = observe

    async def park(self, message: Message, outcome: Parked, attempt: int, still_ours: Callable[[], bool]) -> None:
        """Returns when the broker has confirmed the copy. Raises LeaseLost."""
        parked_at = datetime.now(UTC).isoformat()
        copy = parked_copy(message, self._queue, outcome, attempt, parked_at)

        async def publish() -> None:
            nonlocal copy
            try:
                await self._publisher.publish(copy)
            except PublishFailed as error:
                if error.permanent:  # not the message as it is: then without what can't be sent
                    copy = bare_copy(message, self._queue, outcome, attempt, parked_at, str(error))
                raise PublishFailed(str(error)) from error  # worth another attempt, in either case

        def tell(number: int, error: str) -> None:
            self._tell("parking_failed", message, {"attempt": number, "error": error})

        await until_confirmed(publish, still_ours, tell)
        self._tell("parked", message, {"reason": outcome.reason})

    def _tell(self, name: EventName, message: Message, data: dict[str, object]) -> None:
        self._observe(Event(name, message.queue, message.message_id, data))
