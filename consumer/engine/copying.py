"""Publishing a copy before its original is acked: tried until the broker has confirmed it.

May know: tenacity, what a publish raises. May not know: what the copy is for, who settles.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from consumer.errors import PublishFailed

if TYPE_CHECKING:
    from tenacity import RetryCallState

FIRST_WAIT = 0.2
LONGEST_WAIT = 5.0
"""Seconds between attempts. They go on until one is confirmed or the drain timeout cancels them: the slot
stays taken meanwhile, so a worker that can't publish does not eat its way through the queue either."""


class LeaseLost(Exception):  # noqa: N818 - the field's term
    """The lease went meanwhile: the message will be delivered again, and must not be copied as well."""


async def until_confirmed(
    publish: Callable[[], Awaitable[None]], still_ours: Callable[[], bool], tell: Callable[[int, str], None]
) -> None:
    """Call `publish` until it returns. Raises LeaseLost, and PublishFailed when that is permanent.

    `tell` is given the number and the error of each attempt that failed.
    """
    from tenacity import (  # noqa: PLC0415 - most workers copy nothing, and start the quicker for it
        AsyncRetrying,
        retry_if_exception,
        wait_exponential,
        wait_random,
    )

    async def attempt() -> None:
        if not still_ours():
            raise LeaseLost
        await publish()

    def told(state: "RetryCallState") -> None:
        if state.outcome is not None:
            tell(state.attempt_number, str(state.outcome.exception()))

    attempts = AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, FIRST_WAIT),
        before_sleep=told,
        reraise=True,
    )
    await attempts(attempt)


def _may_pass(error: BaseException) -> bool:
    """Anything, what nobody has thought of included: given up, it would leave the message unsettled."""
    if isinstance(error, PublishFailed):
        return not error.permanent
    return isinstance(error, Exception) and not isinstance(error, LeaseLost)
