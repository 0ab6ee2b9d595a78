"""kombu (over py-amqp): a Consumer with a callback, JSON decoded by kombu, an ack a message."""

import marks
from kombu import Connection, Consumer, Queue


def handle(_body, message) -> None:
    message.ack()
    marks.passed()


with Connection(marks.URL) as connection:
    queue = Queue(marks.QUEUE, no_declare=True)
    with Consumer(connection, queues=[queue], callbacks=[handle], prefetch_count=marks.PREFETCH, accept=["json"]):
        while True:
            connection.drain_events()
