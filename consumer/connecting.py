"""From settings to a RabbitMQ broker: the one place where the two meet.

May know: settings, the AMQP implementation of the port. May not know: workers, handlers.
"""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from consumer.broker.amqp import ATTEMPT_TIMEOUT, AmqpBroker
from consumer.broker.port import Tls
from consumer.settings import Settings

if TYPE_CHECKING:
    from consumer.broker.management import Management


def rabbitmq(settings: Settings, name: str) -> AmqpBroker:
    """The broker that the settings name; `name` is what its management UI calls our connections."""
    return AmqpBroker(
        settings.addresses,
        name=name,
        heartbeat=settings.heartbeat,
        tls=_tls(settings),
        transport=settings.transport,
        attempt_timeout=min(ATTEMPT_TIMEOUT, settings.connect_timeout),
        management=management(settings),
    )


def management(settings: Settings) -> "Management | None":
    """The management API that the settings name; None: they name none."""
    if settings.management_url is None:
        return None
    from consumer.broker.management import Management  # noqa: PLC0415 - most workers have none

    return Management(settings.management_url.get_secret_value(), virtual_host(settings), _tls(settings))


def virtual_host(settings: Settings) -> str:
    """The virtual host on the broker that the settings name."""
    return unquote(urlsplit(settings.addresses[0]).path[1:]) or "/"


def _tls(settings: Settings) -> Tls:
    return Tls(settings.tls_ca_file, settings.tls_cert_file, settings.tls_key_file, settings.tls_verify)
