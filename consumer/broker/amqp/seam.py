"""How a protocol of ours gets before the one that aiormq reads from: by the public seams of aio-pika and aiormq.

May know: those seams, which another release may not have. May not know: what stands there, or why.

Whoever needs one asks `seam()`. This module's import fails where something is missing, which is caught there.
"""

import inspect
import logging
from typing import Any, cast

import aio_pika
import aiormq
from aio_pika.abc import ConnectionParameter
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from yarl import URL

from consumer.broker.amqp.lane import Lane
from consumer.broker.amqp.pulse import Pulse

if "transport_factory" not in inspect.signature(aiormq.Connection).parameters:
    raise ImportError("aiormq.Connection takes no transport_factory")

_log = logging.getLogger("lastcall")


class LaneFactory(TransportFactory):
    """Opens the connection as aiormq's own factories do, and puts a lane, or a bare pulse, before its reader."""

    def __init__(self, stand_before: type[Pulse] = Lane) -> None:
        self.pulse: Pulse | None = None
        self._stand_before = stand_before

    @property
    def lane(self) -> Lane | None:
        """The lane of the latest connection, when it has one."""
        return self.pulse if isinstance(self.pulse, Lane) else None

    def connection(self, url: URL, **options: Any) -> aio_pika.Connection:
        """One that is not open yet, and will be opened by this factory."""
        return LaneConnection(url, transport_factory=self, **options)

    async def create(self, url: URL, **kwargs: Any) -> tuple[Any, Any]:
        """See aiormq.connection.TransportFactory."""
        self.pulse = None  # not that of an earlier attempt
        stock = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, writer = await stock.create(url, **kwargs)
        try:
            self.pulse = self._stand_before(cast("Any", writer.transport))
        except (AttributeError, NotImplementedError, TypeError) as error:  # a transport without the seam
            _log.warning("no fast lane on this transport (%r): using it plain, silence is noticed late", error)
        return reader, writer


class LaneConnection(aio_pika.Connection):
    """An aio-pika connection that passes a transport factory on to aiormq."""

    PARAMETERS = (
        *aio_pika.Connection.PARAMETERS,
        ConnectionParameter(name="transport_factory", parser=lambda factory: factory, is_kwarg=True),
    )
