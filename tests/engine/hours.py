"""An event loop whose clock jumps to the next timer when nothing is ready: hours pass at once, and always alike."""

import asyncio
import selectors


class _Jumping(selectors.DefaultSelector):
    """Waits for nobody: what it would have waited is added to the clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits, and no timer will ever wake it")
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """For code without threads and sockets: only the loop's own timers make time go on."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now
