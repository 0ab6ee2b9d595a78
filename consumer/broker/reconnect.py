"""When to try again: exponential backoff with jitter, bounded in time, one report an attempt.

May know: the port, tenacity. May not know: what is done with a connection, the drain.
"""

from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from consumer.broker.port import Broker, Connection
from consumer.errors import BrokerAway, BrokerRefused, LastcallError

FIRST_WAIT = 0.2
LONGEST_WAIT = 5.0
"""Seconds. With jitter, so that a fleet does not come back to a restarted broker in step."""

Report = Callable[[int, str, float], None]
"""(attempt, what went wrong, seconds until the next attempt)"""


async def connect(broker: Broker, *, timeout: float | None, retry_refusals: bool, report: Report) -> Connection:
    """A connection, however many attempts that takes within `timeout` seconds (None: for ever).

    `retry_refusals` is for a broker that has let us in before: while it restarts, a refusal may pass.
    Raises BrokerAway when the time is up, BrokerRefused when trying again can't help.
    """
    worth_retrying = (BrokerAway, BrokerRefused) if retry_refusals else (BrokerAway,)

    def before_sleep(state: RetryCallState) -> None:
        if state.outcome is not None and state.next_action is not None:
            report(state.attempt_number, str(state.outcome.exception()), state.next_action.sleep)

    attempts = AsyncRetrying(
        retry=retry_if_exception_type(worth_retrying),
        wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, FIRST_WAIT),
        stop=(lambda _: False) if timeout is None else stop_before_delay(timeout),
        before_sleep=before_sleep,
        reraise=True,
    )
    try:
        return await attempts(broker.connect)
    except LastcallError as error:
        if isinstance(error, BrokerAway):
            raise BrokerAway(
                f"{error}. Given up after {timeout:g} s. Is the broker up, and is LASTCALL_AMQP_URL right?"
            ) from error
        raise
