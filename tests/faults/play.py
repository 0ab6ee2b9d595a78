"""Plays one fault against a worker in each moment at once, and hands the books back.

May know: the stage, the moments, a fault. May not know: pytest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .books import Books
from .faults import Fault
from .moments import MOMENTS, Moment
from .node import Node
from .stage import HEARTBEAT, Stage, stage

SILENCE = 2.5 * HEARTBEAT
"""Seconds within which a silent network is noticed."""

_numbers = count(1)


@dataclass
class Account:
    """What came of one moment."""

    books: Books
    problems: list[str] = field(default_factory=list)
    noticed_after: float | None = None
    """Seconds from the fault to the worker's first word of it; None: it had none to say, or left before."""
    back_after: float | None = None
    """Seconds from the mend to consuming again."""
    left_after: float | None = None
    """Seconds from the fault to the end of a draining worker."""


class Play:
    """The moments of one fault; one that has failed takes no further part, and the others go on."""

    def __init__(self, fault: Fault, on: Stage) -> None:
        self._fault = fault
        self._stage = on
        self._moments = [each(on.places[each.name], fault) for each in MOMENTS]
        self._failed: dict[Moment, str] = {}

    async def run(self) -> dict[str, Account]:
        """From the workers' start to their end."""
        await self._each(lambda moment: moment.begin())
        await self._fault.strike(self._stage)
        self._stage.struck()
        await self._each(lambda moment: moment.hit())
        await asyncio.sleep(self._fault.lasts)
        if not self._fault.brief:
            await self._each(lambda moment: moment.notice())
        await self._fault.mend(self._stage)
        self._stage.mended()
        await self._each(lambda moment: moment.recover())
        await self._each(lambda moment: moment.place.close_books())
        log = await self._stage.node.log(f"{self._stage.began:.3f}")
        return {moment.name: self._account(moment, log) for moment in self._moments}

    async def _each(self, step: Callable[[Moment], Awaitable[None]]) -> None:
        going_on = [moment for moment in self._moments if moment not in self._failed]
        outcomes = await asyncio.gather(*map(step, going_on), return_exceptions=True)
        for moment, outcome in zip(going_on, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self._failed[moment] = str(outcome) or repr(outcome)

    def _account(self, moment: Moment, log: str) -> Account:
        account = Account(moment.place.books, [self._failed[moment]] if moment in self._failed else [])
        self._take_times(account, moment)
        account.problems += self._of_the_fault(account, log)
        account.problems += moment.place.books.problems()
        return account

    def _take_times(self, account: Account, moment: Moment) -> None:
        worker, on = moment.worker, self._stage
        seen = [each["monotonic"] for name in self._fault.sees for each in worker.named(name)]
        back = [each["monotonic"] for each in worker.named("consuming")][1:]
        account.noticed_after = min(seen) - on.struck_at if seen else None
        account.back_after = back[-1] - on.mended_at if back else None
        account.left_after = worker.gone_at - on.struck_at if moment.drains else None

    def _of_the_fault(self, account: Account, log: str) -> Iterator[str]:
        yield from (f"the broker: {line}" for line in log.splitlines() if "unknown delivery tag" in line)
        if self._fault.proof not in log:
            yield f"there was no fault: the broker did not say {self._fault.proof!r}"
        if self._fault.silent and (account.noticed_after or 0) > SILENCE:
            yield f"it was noticed after {account.noticed_after:.1f} s, not within {SILENCE:.1f} s"


async def play(node: Node, fault: Fault, directory: Path) -> dict[str, Account]:
    """The account of each moment, by its name."""
    names = [each.name for each in MOMENTS]
    async with stage(node, directory, names, prefix=f"play-{next(_numbers)}.", wired=fault.wired) as on:
        return await Play(fault, on).run()
