"""RabbitMQ behind the port: the one place that imports aio-pika, aiormq and pamqp, through public interfaces.

May know: AMQP, the client library. May not know: handlers, the drain, signals.
"""

from consumer.broker.amqp.broker import ATTEMPT_TIMEOUT, AmqpBroker

__all__ = ["ATTEMPT_TIMEOUT", "AmqpBroker"]
