"""The wish to be quiet: no new work until it ends. It comes and goes, from anywhere on the loop.

May know: futures. May not know: signals, who wishes it, what is done about it.
"""

import asyncio
from collections.abc import Callable


class Quiet:
    """`asked` is done, with the reason, while no new work is wanted; `over` is done while it is.

    Plain futures, and fresh ones after each change: wait for them beside others (`asyncio.wait`), don't cancel them.
    `on_end` is called when new work is wanted again.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self.asked: asyncio.Future[str] = self._loop.create_future()
        self.over: asyncio.Future[None] = self._loop.create_future()
        self.over.set_result(None)

    @property
    def is_wanted(self) -> bool:
        """Whether no new work is to be taken."""
        return self.asked.done()

    def ask(self, reason: str) -> None:
        """Wish it; once more changes nothing."""
        if not self.is_wanted:
            self.over = self._loop.create_future()
            self.asked.set_result(reason)

    def end(self) -> None:
        """Wish for new work again; where that is wanted nothing changes."""
        if self.is_wanted:
            self.asked = self._loop.create_future()
            self.over.set_result(None)
            self._on_end()
