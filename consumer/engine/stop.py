"""The request to stop: asked for once, from anywhere on the loop, and perhaps hurried.

May know: futures. May not know: signals, who asks, what a drain does.
"""

import asyncio


class StopRequest:
    """`asked` is done, with the reason, when a drain is wanted; `hurried` when its deadline is now.

    Both are plain futures so that they can be waited for beside others: wait (`asyncio.wait`), don't cancel.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[str] = loop.create_future()
        self.hurried: asyncio.Future[None] = loop.create_future()

    def ask(self, reason: str) -> None:
        """Ask for the drain; asking again changes nothing."""
        if not self.asked.done():
            self.asked.set_result(reason)

    def interrupt(self) -> None:
        """Ctrl+C has stopped the loop under us: the first time drain, then hurry."""
        if self.asked.done():
            self.hurry("KeyboardInterrupt")
        else:
            self.ask("KeyboardInterrupt")

    def hurry(self, reason: str) -> None:
        """Ask for the drain with its deadline now."""
        self.ask(reason)
        if not self.hurried.done():
            self.hurried.set_result(None)
