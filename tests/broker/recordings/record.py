"""Records the streams anew: `python -m tests.broker.recordings.record` (any RabbitMQ; see tests.broker.recordings).

May know: AMQP as a client speaks it. May not know: the package under test, but for who gives it a broker.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from pamqp import commands as spec
from pamqp.heartbeat import Heartbeat

from consumer.broker.amqp.convert import table
from consumer.testing.brokers import provide
from tests.broker.recordings import path_of
from tests.broker.recordings.client import ROOM, RecordingClient
from tests.broker.streams import FOREIGN, OURS

ORDER = json.dumps({"id": "order-000017", "cents": 4200, "lines": [{"sku": "A-17", "count": 2}] * 3}).encode()
SMALL = [b"", b"x", ORDER, b"\xce" * 50]
BODIES = [*SMALL, b"y" * ROOM, b"z" * (ROOM + 1), bytes(range(256)) * 70, ORDER]
"""Empty, small, of end octets, one frame exactly, one octet more, three frames."""
RICH = spec.Basic.Properties(
    content_type="application/json",
    headers=table({"x-trace": "réponse", "n": 17, "deep": {"list": [1, None, True, b"\xce\xff"]}}),
    delivery_mode=2,
    priority=3,
    correlation_id="c-17",
    reply_to="answers",
    expiration="3600000",
    message_id="m-17",
    timestamp=datetime(2026, 1, 2, tzinfo=UTC),
    message_type="order.created",
    app_id="shop",
)
HERS, HIS, SHARED, SPARE = "recorded-hers", "recorded-his", "recorded-shared", "recorded-spare"


async def prepare(client: RecordingClient) -> None:
    """Four channels, four queues, messages in each."""
    for channel in (1, 2, 3, 4):
        await client.ask(spec.Channel.Open(), spec.Channel.OpenOk, channel)
    for name in (HERS, HIS, SHARED, SPARE):
        await client.ask(spec.Queue.Declare(queue=name, exclusive=True), spec.Queue.DeclareOk, 4)
    await client.ask(spec.Confirm.Select(), spec.Confirm.SelectOk, 4)
    for queue, bodies in ((HERS, BODIES), (HIS, SMALL), (SHARED, SMALL), (SPARE, SMALL)):
        for index, body in enumerate(bodies):
            client.publish(4, queue, body, RICH if index % 2 else spec.Basic.Properties(message_id=f"m-{index}"))
    confirmed = await client.until(spec.Basic.Ack)
    while (confirmed.delivery_tag or 0) < len(BODIES) + 3 * len(SMALL):
        confirmed = await client.until(spec.Basic.Ack)


async def busy(client: RecordingClient) -> bytes:
    """Deliveries of four consumers on three channels; contents that aren't deliveries among them; silence; redelivery.

    The broker closes the connection at the end, for a frame on a channel that is not open (504).
    """
    await prepare(client)
    consumers = ((1, HERS, OURS[0]), (1, HIS, OURS[1]), (2, SHARED, FOREIGN[0]), (3, SHARED, OURS[0]))
    for channel, queue, tag in consumers:
        client.send(spec.Basic.Consume(queue=queue, consumer_tag=tag), channel)
    client.publish(1, "nobody's", ORDER, RICH)  # comes back as a basic.return, between deliveries
    client.publish(4, "nobody's", b"q" * (ROOM + 1))
    client.send(spec.Basic.Get(queue=SPARE, no_ack=True), 1)
    client.publish(4, HERS, ORDER, times=20)
    client.publish(4, HIS, ORDER, times=20)
    client.publish(4, SHARED, ORDER, times=6)
    client.send(spec.Basic.Get(queue=SPARE, no_ack=True), 3)
    arrived = 2 + 2 + len(BODIES) + 2 * len(SMALL) + 46
    await client.until_contents(arrived)
    await client.until(Heartbeat, 2)
    client.send(spec.Basic.Ack(3, multiple=True), 1)
    client.send(spec.Basic.Nack(0, multiple=True, requeue=True), 1)
    await client.until_contents(arrived + len(BODIES) + len(SMALL) + 40 - 3)
    await client.ask(spec.Basic.Ack(1), spec.Connection.Close, 9)
    client.send(spec.Connection.CloseOk())
    return await client.to_the_end()


async def endings(client: RecordingClient) -> bytes:
    """How consumers and channels end: by either side; and a channel's number used anew."""
    await prepare(client)
    for channel, queue, tag in ((1, HERS, OURS[0]), (1, SHARED, OURS[1]), (2, HIS, OURS[1]), (3, HIS, FOREIGN[0])):
        await client.ask(spec.Basic.Qos(prefetch_count=2), spec.Basic.QosOk, channel)
        client.send(spec.Basic.Consume(queue=queue, consumer_tag=tag), channel)
    await client.until_contents(8)
    await client.ask(spec.Basic.Cancel(OURS[1]), spec.Basic.CancelOk, 1)
    client.send(spec.Queue.Delete(queue=HIS), 4)  # cancels the consumers on 2 and 3
    await client.until(spec.Basic.Cancel, 2)
    await client.ask(spec.Basic.Ack(999), spec.Channel.Close, 1)
    client.send(spec.Channel.CloseOk(), 1)
    await client.ask(spec.Channel.Open(), spec.Channel.OpenOk, 1)
    client.send(spec.Basic.Consume(queue=HERS, consumer_tag=OURS[0]), 1)
    await client.until_contents(8 + len(BODIES))
    await client.ask(spec.Channel.Close(200, "bye", 0, 0), spec.Channel.CloseOk, 1)
    await client.ask(spec.Connection.Close(200, "bye", 0, 0), spec.Connection.CloseOk, 0)
    return await client.to_the_end()


SCENES: dict[str, Callable[[RecordingClient], Awaitable[bytes]]] = {"busy": busy, "endings": endings}


async def record(url: str) -> None:
    for name, scene in SCENES.items():
        async with asyncio.timeout(30):
            heard = await scene(await RecordingClient(url).open())
        path_of(name).write_bytes(heard)
        print(f"{name}: {len(heard)} bytes")


if __name__ == "__main__":
    with provide(print) as broker:
        asyncio.run(record(broker.url))
