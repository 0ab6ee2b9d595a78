"""Inboxes: where it is written which messages have been completed, so that a handler need not run twice for one.

May know: its own files, by name. May not know: the engine, the broker, the worker. A store's driver is imported when
its inbox is first named, so that only who uses it must have it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from consumer.inbox.owner import Claimed
from consumer.inbox.port import Claim, Inbox

if TYPE_CHECKING:
    from consumer.inbox.postgres import PostgresInbox
    from consumer.inbox.redis import RedisInbox
    from consumer.inbox.sqlite import SqliteInbox

__all__ = ["Claim", "Claimed", "Inbox", "PostgresInbox", "RedisInbox", "SqliteInbox"]

_HOMES = {
    "PostgresInbox": "consumer.inbox.postgres",
    "RedisInbox": "consumer.inbox.redis",
    "SqliteInbox": "consumer.inbox.sqlite",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
