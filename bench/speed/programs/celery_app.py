"""Celery: `acks_late`, a pool of threads in one process, prefetch of 100; results ignored."""

import sys

import marks
from celery import Celery

app = Celery("bench", broker=marks.URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue=marks.QUEUE,
    worker_prefetch_multiplier=marks.PREFETCH // 10,
    worker_concurrency=10,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="charge")
def charge(id: str, cents: int, note: str) -> None:  # noqa: A002
    marks.passed()


if sys.argv[-1] == "fill":
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(marks.COUNT):
            charge.apply_async(kwargs=marks.BODY, producer=producer)
