"""What a provider hands out: where the broker is and what it is; and the error for "there is none".

May know: how an address is shown. May not know: how a broker is started.
"""

from dataclasses import dataclass
from typing import Literal

from consumer.addresses import masked
from consumer.errors import LastcallError

BrokerKind = Literal["given", "container", "embedded"]


class BrokerUnavailable(LastcallError):  # noqa: N818 - says what is so, as the other errors of the package do
    """No RabbitMQ can be had in the way that was asked for; the text says why and what mends it."""


@dataclass(frozen=True)
class BrokerHandle:
    """A RabbitMQ that can be used now.

    Attributes:
        url: The AMQP address, password included: ``amqp://user:password@host:port/vhost``.
        kind: Who runs the broker: it was ``given``, or it is a ``container``, or ``embedded``.
        description: One line for a person, without secrets.
        management_port: Where its management API is on the same host, if that is known.
    """

    url: str
    kind: BrokerKind
    description: str
    management_port: int | None = None

    def __repr__(self) -> str:
        return f"BrokerHandle(url={masked(self.url)!r}, kind={self.kind!r}, description={self.description!r})"
