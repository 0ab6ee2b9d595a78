"""Who claims a message, and the claim as a delivery carries it to `PostgresInbox.complete_in`.

May know: this process's name. May not know: stores, the engine, deliveries beyond their `claim`.
"""

import os
import secrets
import socket
from typing import NamedTuple, Protocol

from consumer.errors import ConfigurationError


class Claimed(NamedTuple):
    """A claim that was granted: what `complete` and `release` are told."""

    key: str
    owner: str


class HasClaim(Protocol):
    """A delivery, as far as an inbox knows it."""

    @property
    def claim(self) -> Claimed | None:
        """The claim under which its handler runs; None when the handler has no inbox."""


def new_owner() -> str:
    """A name for one run of one worker: unique, and telling a person where it ran."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"


def claim_of(delivery: HasClaim) -> Claimed:
    """The delivery's claim.

    Raises:
        ConfigurationError: It has none.
    """
    if delivery.claim is None:
        raise ConfigurationError(
            "this delivery has no claim to complete: give its handler the inbox with `once=`, and its message a"
            " message_id"
        )
    return delivery.claim
