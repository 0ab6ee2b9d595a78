"""Points at which a test can hold the fake broker's answers up, or make them failures.

May know: futures, the errors that the port raises. May not know: queues, deliveries, the engine.
"""

import asyncio
from collections import defaultdict, deque
from typing import Any, Literal, TypeAlias

from consumer.errors import LastcallError

Point: TypeAlias = Literal["connect", "prepare", "consume", "cancel-ok", "cancelled", "close-ok", "confirm"]
Fallible: TypeAlias = Literal["connect", "prepare", "consume", "confirm"]


class Gate:
    """Holds up whatever passes one point of the fake broker, until it is opened.

    Attributes:
        reached: done once somebody waits at the gate: `await gate.reached`.
        opened: done once it was opened.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.reached: asyncio.Future[None] = loop.create_future()
        self.opened: asyncio.Future[None] = loop.create_future()

    def reach(self) -> None:
        """Somebody arrived. Only the fake broker calls this."""
        if not self.reached.done():
            self.reached.set_result(None)

    def open(self) -> None:
        """Let through who waits and who comes later; opening it again changes nothing."""
        if not self.opened.done():
            self.opened.set_result(None)


class Gates:
    """All points of one fake broker, each open unless it is held."""

    def __init__(self) -> None:
        self._held: dict[Point, Gate] = {}
        self._failures: defaultdict[Point, deque[LastcallError]] = defaultdict(deque)

    def hold(self, point: Point) -> Gate:
        """Hold up everything that passes this point from now on."""
        gate = self._held[point] = Gate()
        return gate

    def fail(self, point: Fallible, *errors: LastcallError) -> None:
        """Raise these, one each time that the point is passed."""
        self._failures[point].extend(errors)

    def check(self, point: Fallible) -> None:
        """Raise the next error that `fail` has set for this point, if one is left."""
        if self._failures[point]:
            raise self._failures[point].popleft()

    async def passing(self, point: Point, *ends: "asyncio.Future[str]") -> None:
        """Return when the point is open, or when one of `ends` is done (the connection is gone)."""
        await asyncio.sleep(0)  # an answer never comes within the call that asks for it
        gate = self._held.get(point)
        if gate is not None and not gate.opened.done():
            gate.reach()
            waited: set[asyncio.Future[Any]] = {gate.opened, *ends}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
