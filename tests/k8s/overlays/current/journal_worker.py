"""The worker in the pods: it tells a queue beside its own which message it starts, and which it has completed.

May know: what a user of the package knows. May not know: Kubernetes, the tests.
"""

import asyncio
import json
import socket

from pydantic import BaseModel

from consumer import Delivery, Worker

worker = Worker()


class Job(BaseModel):
    """How long it takes, and whether the worker stops meanwhile, as at a signal."""

    seconds: float
    stop: bool = False


@worker.handler("jobs", concurrency=8)
async def work(job: Job, delivery: Delivery) -> None:
    """Tell, work, tell: each confirmed by the broker before it goes on."""
    await tell("started", delivery)
    if job.stop:
        worker.stop()
    await asyncio.sleep(job.seconds)
    await tell("completed", delivery)


async def tell(event: str, delivery: Delivery) -> None:
    """One line of the journal."""
    line = {"event": event, "message_id": delivery.message_id, "pod": socket.gethostname()}
    await delivery.publish(json.dumps(line).encode(), routing_key=f"{delivery.queue}.journal")
