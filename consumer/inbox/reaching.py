"""One bound and one error for every call to a store over the network.

May know: asyncio's clock, the errors. May not know: which store it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from consumer.errors import InboxAway


@asynccontextmanager
async def reaching(store: str, seconds: float, driver_error: type[Exception]) -> AsyncIterator[None]:
    """Give the block so many seconds; what the driver raises in it becomes InboxAway.

    Args:
        store: what the error calls it; no password in it.
        seconds: how long the block may take.
        driver_error: what all errors of the driver derive from.

    Raises:
        InboxAway: The time was up, or the driver raised.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise InboxAway(f"the inbox {store} didn't answer within {seconds:g} s: is it up, and reachable?") from error
    except (OSError, driver_error) as error:
        raise InboxAway(f"the inbox {store} didn't serve: {str(error).strip() or type(error).__name__}") from error
