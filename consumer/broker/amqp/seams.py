"""Finds the seam by which a protocol of ours gets before the client's; does without it where there is none.

May know: where the seam is looked for. May not know: what stands there.
"""

import logging
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

import aio_pika
from yarl import URL

from consumer.broker.amqp.lane import Lane
from consumer.broker.amqp.pulse import Pulse

_log = logging.getLogger("lastcall")


class Seam(Protocol):
    """Makes connections, and has what stands before the client's reader in the latest one."""

    @property
    def pulse(self) -> Pulse | None:
        """None: nothing of ours stands there."""

    @property
    def lane(self) -> Lane | None:
        """The same, if it takes deliveries out."""

    def connection(self, url: URL, **options: Any) -> aio_pika.Connection:
        """One that is not open yet."""


class NoSeam:
    """Connections as the client makes them."""

    pulse = None
    lane = None

    def connection(self, url: URL, **options: Any) -> aio_pika.Connection:
        """See Seam."""
        return aio_pika.Connection(url, **options)


def seam(stand_before: type[Pulse]) -> Seam:
    """The seam, with this to stand in it; where there is none that is logged, once."""
    factory = _lane_factory()
    return NoSeam() if factory is None else factory(stand_before)


@cache
def _lane_factory() -> Any:
    try:
        return import_module("consumer.broker.amqp.seam").LaneFactory
    except (ImportError, AttributeError, TypeError) as error:  # what it is made of has gone, or is made otherwise
        _log.warning(
            "aio-pika %s with aiormq %s has not what the fast lane stands on (%s): deliveries come by the plain "
            "transport, which costs more, and a silent broker is noticed late. Versions that have it: docs/adr/0008",
            version("aio-pika"),
            version("aiormq"),
            error,
        )
        return None
