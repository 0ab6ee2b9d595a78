"""From settings to a RabbitMQ broker: the one place where the two meet.

May know: settings, the AMQP implementation of the port. May not know: workers, handlers.
"""

from consumer.broker.amqp import ATTEMPT_TIMEOUT, AmqpBroker
from consumer.broker.port import Tls
from consumer.settings import Settings


def rabbitmq(settings: Settings, name: str) -> AmqpBroker:
    """The broker that the settings name; `name` is what its management UI calls our connections."""
    return AmqpBroker(
        settings.addresses,
        name=name,
        heartbeat=settings.heartbeat,
        tls=Tls(settings.tls_ca_file, settings.tls_cert_file, settings.tls_key_file, settings.tls_verify),
        transport=settings.transport,
        attempt_timeout=min(ATTEMPT_TIMEOUT, settings.connect_timeout),
    )
