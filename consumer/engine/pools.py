"""The processes of a worker's handlers, while it runs: started before the first delivery, ended after the last.

May know: pools of processes, tasks. May not know: messages, which handler a pool is of.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from consumer.core.events import Observer
from consumer.delivery import Draining

if TYPE_CHECKING:
    from consumer.engine.processes.pool import Processes


class Pools:
    """One for each handler with `executor="process"`."""

    def __init__(self, pools: "Sequence[Processes]", draining: Draining, observe: Observer) -> None:
        self._pools = pools
        self._draining = draining
        self._observe = observe

    async def open(self) -> None:
        """Start one process of each. Raises ConfigurationError when a handler can't be run there."""
        await asyncio.gather(*(pool.open(self._draining, self._observe) for pool in self._pools))

    async def close(self) -> None:
        """End them all: in their own time, and by SIGKILL when this is cancelled."""
        await asyncio.gather(*(pool.close() for pool in self._pools))
