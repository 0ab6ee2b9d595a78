"""One channel with one consumer: deliveries come in through a plain call, settlements go out in order.

May know: aiormq's channel and its hazards. May not know: why something is acked or returned.

Hazards that this file keeps away from everyone else (see docs/adr/0004):
- aiormq runs consumer callbacks in tasks that the channel owns and cancels: ours only records and returns;
- cancelling or timing out any RPC closes the channel: every RPC runs in a task that nobody cancels;
- `basic.cancel` with nowait drops late deliveries: never used;
- a consumer tag used again closes the connection on RabbitMQ 4.3: each lease has a fresh one.
"""

import asyncio
from collections import deque
from itertools import count
from uuid import uuid4

from aiormq.abc import AbstractChannel, ChannelFrame, DeliveredMessage
from pamqp import commands as spec

from consumer.broker.amqp.convert import message_from
from consumer.broker.amqp.errors import CONNECTION_ERRORS, reason
from consumer.broker.port import OnDelivery
from consumer.core.queue import Queue

_ids = count(1)

BATCH = 64
"""Settlements that go to the transport in one write: few writes, and the first ones leave at once."""


class AmqpLease:
    """See port.Lease."""

    def __init__(self, channel: AbstractChannel, generation: int, queue: Queue, on_delivery: OnDelivery) -> None:
        self.id = next(_ids)
        self.generation = generation
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._queue = queue
        self._on_delivery = on_delivery
        self._consumer_tag = f"lastcall-{uuid4().hex}"
        self._outbox: deque[spec.Basic.Ack | spec.Basic.Nack] = deque()
        self._closing = False
        self._outbox_filled = asyncio.Event()
        self._writer = asyncio.create_task(self._write(), name=f"lastcall settlements of {queue.name}")
        self._cancelled: asyncio.Task[object] | None = None
        channel.closing.add_done_callback(self._on_closed)
        channel.on_consumer_cancel_callbacks.add(self._on_server_cancel)

    async def consume(self, prefetch: int) -> None:
        """basic.qos for this consumer, then basic.consume."""
        priority = self._queue.consumer_priority
        await self._channel.basic_qos(prefetch_count=prefetch)
        await self._channel.basic_consume(
            self._queue.name,
            self._receive,  # type: ignore[arg-type]  # aiormq takes plain functions too, its annotation does not say so
            consumer_tag=self._consumer_tag,
            arguments={} if priority is None else {"x-priority": priority},
        )

    def _receive(self, delivered: DeliveredMessage) -> None:
        delivery = delivered.delivery
        if isinstance(delivery, spec.Basic.Deliver) and delivery.delivery_tag and not self.lost.done():
            message = message_from(delivered, delivery, self._queue.name)
            self._on_delivery(self, delivery.delivery_tag, message)

    def ack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        self._put(spec.Basic.Ack(tag, multiple))

    def nack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        self._put(spec.Basic.Nack(tag, multiple, requeue=True))

    async def cancel(self) -> None:
        """See port.Lease."""
        if self.lost.done():
            return
        if self._cancelled is None:
            self._cancelled = asyncio.create_task(self._quietly_cancel(), name="lastcall basic.cancel")
        await asyncio.shield(self._cancelled)

    async def close(self) -> None:
        """See port.Lease."""
        self._closing = True
        self._outbox_filled.set()
        await asyncio.wait({self._writer})
        if not self.lost.done():
            await asyncio.shield(asyncio.create_task(self._quietly_close(), name="lastcall channel.close"))

    def _put(self, frame: spec.Basic.Ack | spec.Basic.Nack) -> None:
        if not self.lost.done():
            self._outbox.append(frame)
            self._outbox_filled.set()

    async def _write(self) -> None:
        """Sends what is in the outbox, in order; ends when the lease closes and all is sent.

        The frames go where aiormq's own acks go, its connection's write queue, but many in one write.
        """
        while self._outbox or not self._closing:
            await self._outbox_filled.wait()
            self._outbox_filled.clear()
            while self._outbox:
                batch = [self._outbox.popleft() for _ in range(min(BATCH, len(self._outbox)))]
                await self._channel.connection.write_queue.put(ChannelFrame.marshall(self._channel.number, batch))

    async def _quietly_cancel(self) -> None:
        try:
            await self._channel.basic_cancel(self._consumer_tag)
        except CONNECTION_ERRORS as error:
            self._lose(reason(error))

    async def _quietly_close(self) -> None:
        try:
            await self._channel.close()
        except CONNECTION_ERRORS as error:
            self._lose(reason(error))

    def _on_closed(self, closing: "asyncio.Future[object]") -> None:
        error = None if closing.cancelled() else closing.exception()
        self._lose("channel closed" if error is None else reason(error))

    def _on_server_cancel(self, _frame: spec.Basic.Cancel) -> None:
        self._lose("the broker cancelled the consumer (queue deleted, node drained, or consumer timeout)")

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
            self._writer.cancel()  # it may wait for room in the queue of a connection that sends nothing any more
