"""pika's BlockingConnection, its callback and an ack a message: nothing is decoded."""

import marks
import pika


def handle(channel, method, _properties, _body) -> None:
    channel.basic_ack(method.delivery_tag)
    marks.passed()


connection = pika.BlockingConnection(pika.URLParameters(marks.URL))
channel = connection.channel()
channel.basic_qos(prefetch_count=marks.PREFETCH)
channel.basic_consume(marks.QUEUE, handle)
channel.start_consuming()
