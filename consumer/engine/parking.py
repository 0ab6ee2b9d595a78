"""Sets a message aside: a confirmed copy in the parking queue first, then (by the settler) the ack.

May know: the port's publisher, tenacity. May not know: why it is set aside, who settles.
"""

from datetime import UTC, datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential, wait_random

from consumer.broker.port import Publisher
from consumer.core.events import Event, Observer
from consumer.core.ledger import Entry, State
from consumer.core.outcome import Parked
from consumer.core.parking import bare_copy, parked_copy
from consumer.errors import PublishFailed

FIRST_WAIT = 0.2
LONGEST_WAIT = 5.0
"""Seconds between attempts. They go on until one is confirmed or the drain timeout cancels them: the slot
stays taken meanwhile, so a worker that can't park does not eat its way through the queue either."""


class LeaseLost(Exception):  # noqa: N818 - the field's term
    """The lease went meanwhile: the message will be delivered again, and must not be set aside as well."""


async def set_aside(publisher: Publisher, entry: Entry, parking_queue: str, outcome: Parked, observe: Observer) -> None:
    """Returns when the broker has confirmed the copy. Raises LeaseLost."""
    message, parked_at = entry.message, datetime.now(UTC).isoformat()
    copy = parked_copy(message, parking_queue, outcome, parked_at)

    async def attempt() -> None:
        nonlocal copy
        if entry.state is State.STALE:
            raise LeaseLost
        try:
            await publisher.publish(copy)
        except PublishFailed as error:
            if error.permanent:  # not the message as it is: then without what can't be sent
                copy = bare_copy(message, parking_queue, outcome, parked_at, str(error))
            raise

    def tell(state: RetryCallState) -> None:
        if state.outcome is not None:
            data = {"attempt": state.attempt_number, "error": str(state.outcome.exception())}
            observe(Event("parking_failed", message.queue, message.message_id, data))

    attempts = AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, FIRST_WAIT),
        before_sleep=tell,
    )
    await attempts(attempt)
    observe(Event("parked", message.queue, message.message_id, {"reason": outcome.reason}))


def _may_pass(error: BaseException) -> bool:
    """Anything, what nobody has thought of included: given up, it would leave the message unsettled."""
    return isinstance(error, Exception) and not isinstance(error, LeaseLost)
