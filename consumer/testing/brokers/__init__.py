"""Who gives us a RabbitMQ: one as given, a container of our own, or the machine's own server as a private child.

May know: the environment, the Docker engine, the machine's programs. May not know: AMQP beyond its greeting, the
worker, the drill.
"""

from consumer.testing.brokers.choice import provide
from consumer.testing.brokers.handle import BrokerHandle, BrokerUnavailable

__all__ = ["BrokerHandle", "BrokerUnavailable", "provide"]
