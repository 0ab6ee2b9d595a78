"""A message that its sender routed by CC or BCC headers is parked once, and its copy comes back to no work queue."""

import pytest
from pamqp import commands as spec
from pamqp.common import FieldTable

from consumer import Delivery
from tests.broker.live import Live

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("header", ["CC", "BCC"])
async def test_the_parked_copy_does_not_come_back_to_the_work_queue(live: Live, header: str) -> None:
    worker = live.worker(concurrency=1)

    @worker.worker.handler("work")
    async def work(_body: bytes, delivery: Delivery) -> None:
        if delivery.message_id == "copied":
            raise ValueError("broken")

    await worker.consuming()
    headers: FieldTable = {header: [live.name("work")]}
    await live.declare("aside")
    await live.put("aside", properties=spec.Basic.Properties(message_id="copied", headers=headers))
    await worker.told("settled")
    await live.put("work", properties=spec.Basic.Properties(message_id="after"))
    await worker.told("settled", message_id="after")  # behind whatever would have come back
    assert worker.ids("started") == ["copied", "after"]
    assert (await worker.drained()).exit_code == 0
    assert (await live.depth("work"), await live.depth("work.parked")) == (0, 1)
    story = (await live.take("work.parked")).headers or {}
    assert "CC" not in story
    assert "BCC" not in story
    assert story.get("x-lastcall-cc") == (headers["CC"] if header == "CC" else None), "RabbitMQ takes BCC out itself"
