"""Dramatiq: `dramatiq dramatiq_app --processes 1` with its 8 threads; it acks when the actor has returned."""

import os
import sys

import marks

os.environ["dramatiq_queue_prefetch"] = str(marks.PREFETCH)  # noqa: SIM112 - its own spelling

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

broker = RabbitmqBroker(url=marks.URL, confirm_delivery=False)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=marks.QUEUE, max_retries=0)
def charge(id: str, cents: int, note: str) -> None:  # noqa: A002
    marks.passed()


if sys.argv[-1] == "fill":
    for _ in range(marks.COUNT):
        charge.send(**marks.BODY)
    broker.close()
