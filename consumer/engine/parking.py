"""Sets a message aside: a confirmed copy in the parking queue first, then (by the settler) the ack.

May know: the port's publisher, tenacity. May not know: why it is set aside, who settles.
"""

from datetime import UTC, datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from consumer.broker.port import Publisher
from consumer.core.delivery import Message
from consumer.core.events import Event, Observer
from consumer.core.outcome import Parked
from consumer.core.parking import parked_copy
from consumer.errors import PublishFailed

FIRST_WAIT = 0.2
LONGEST_WAIT = 5.0
"""Seconds between attempts. They go on until one is confirmed or the drain timeout cancels them: the slot
stays taken meanwhile, so a worker that can't park does not eat its way through the queue either."""


async def set_aside(
    publisher: Publisher, message: Message, parking_queue: str, outcome: Parked, observe: Observer
) -> None:
    """Returns when the broker has confirmed the copy."""

    def tell(state: RetryCallState) -> None:
        if state.outcome is not None:
            data = {"attempt": state.attempt_number, "error": str(state.outcome.exception())}
            observe(Event("parking_failed", message.queue, message.message_id, data))

    attempts = AsyncRetrying(
        retry=retry_if_exception_type(PublishFailed),
        wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, FIRST_WAIT),
        before_sleep=tell,
    )
    copy = parked_copy(message, parking_queue, outcome, datetime.now(UTC).isoformat())
    await attempts(publisher.publish, copy)
    observe(Event("parked", message.queue, message.message_id, {"reason": outcome.reason}))
