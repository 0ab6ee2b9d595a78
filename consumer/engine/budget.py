"""How many messages this worker may still start (`max_messages`).

May know: counting. May not know: what is started.
"""

from collections.abc import Callable


class Budget:
    """Grants starts until they are used up, and then says so, once. `limit` None: no bound."""

    def __init__(self, limit: int | None, on_used_up: Callable[[], None]) -> None:
        self._left = limit
        self._on_used_up = on_used_up

    def take(self) -> bool:
        """Whether one more may be started."""
        if self._left is None:
            return True
        if self._left == 0:
            return False
        self._left -= 1
        if self._left == 0:
            self._on_used_up()
        return True
