"""The port: what the engine asks of an inbox, and the contract that every store keeps (tests/inbox/).

May know: nothing but itself. May not know: any store, the engine, the broker.
"""

from collections.abc import Collection
from enum import Enum
from typing import Protocol


class Claim(Enum):
    """What asking for a message has brought."""

    GRANTED = "granted"
    """It is ours until the lease ends: run it."""
    COMPLETED = "completed"
    """It has been run to its end: ack it."""
    HELD = "held"
    """Somebody else runs it, or has been cut off while running it: ask again later."""


class Inbox(Protocol):
    """Who runs which message, and which are completed.

    A `key` names a message, an `owner` one run of one worker (`consumer.inbox.owner.new_owner`). Whatever is asked may
    be asked again with the same result, so a call that raised InboxAway can be repeated. Every call but `open` raises
    InboxAway, and nothing else, when the store can't be reached or doesn't answer in time.
    """

    @property
    def lease(self) -> float:
        """Seconds that a claim stands without being renewed. Renew at a third of it."""

    async def open(self) -> None:
        """Connect, and create what the store needs where it is absent. Opening an open inbox does nothing.

        Raises:
            ConfigurationError: The store is there and can't serve; the text says why, and the mend.
            InboxAway: The store isn't there.
        """

    async def close(self) -> None:
        """Let go of the store. It may be opened again, in another event loop too."""

    async def claim(self, key: str, owner: str) -> Claim:
        """Ask to run a message: granted to one owner at a time, again to the same one, and when the lease has ended."""

    async def renew(self, keys: Collection[str], owner: str) -> set[str]:
        """Let the leases begin anew. Those of the keys that are still the owner's, completed ones among them."""

    async def complete(self, key: str, owner: str) -> bool:
        """Write down that the message has been run to its end.

        False: the claim had expired and been taken over meanwhile. An expired claim that nobody has taken over holds.
        """

    async def release(self, key: str, owner: str) -> None:
        """Give the claim up, so that anybody may have it at once. One that isn't ours, or is completed, stays."""
