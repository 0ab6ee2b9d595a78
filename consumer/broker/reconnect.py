"""When to try again: exponential backoff with jitter, bounded in time, one report an attempt.

May know: the port, tenacity. May not know: what is done with a connection, the drain.

tenacity is imported with the first failure: most workers start without one, the quicker for it, and smaller.
"""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from consumer.broker.port import Broker, Connection
from consumer.errors import BrokerAway, BrokerRefused, LastcallError

if TYPE_CHECKING:
    from tenacity import RetryCallState

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
    began = monotonic()
    try:
        return await broker.connect()
    except worth_retrying as error:
        first_failure = error
    left = None if timeout is None else timeout - (monotonic() - began)
    try:
        return await _again(broker, first_failure, worth_retrying, left, report)
    except BrokerAway as error:
        raise BrokerAway(
            f"{error}. Given up after {timeout:g} s. Is the broker up, and is LASTCALL_AMQP_URL right?"
        ) from error


async def _again(
    broker: Broker,
    first_failure: LastcallError,
    worth_retrying: tuple[type[LastcallError], ...],
    left: float | None,
    report: Report,
) -> Connection:
    """The attempts from the first one on, which has failed. `left`: seconds for the others; None: no end."""
    from tenacity import (  # noqa: PLC0415 - see above
        AsyncRetrying,
        retry_if_exception_type,
        stop_before_delay,
        wait_exponential,
        wait_random,
    )

    failed = [first_failure]

    async def attempt() -> Connection:
        if failed:
            raise failed.pop()
        return await broker.connect()

    def before_sleep(state: "RetryCallState") -> None:
        if state.outcome is not None and state.next_action is not None:
            report(state.attempt_number, str(state.outcome.exception()), state.next_action.sleep)

    attempts = AsyncRetrying(
        retry=retry_if_exception_type(worth_retrying),
        wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, FIRST_WAIT),
        stop=(lambda _: False) if left is None else stop_before_delay(left),
        before_sleep=before_sleep,
        reraise=True,
    )
    return await attempts(attempt)
