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

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec

from consumer.broker.amqp.convert import message_from
from consumer.broker.amqp.errors import CONNECTION_ERRORS, reason
from consumer.broker.port import OnDelivery
from consumer.core.queue import Queue

_ids = count(1)


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
        self._outbox: deque[tuple[bool, int, bool]] = deque()
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
        if not self.lost.done() and delivered.delivery_tag is not None:
            self._on_delivery(self, delivered.delivery_tag, message_from(delivered, self._queue.name))

    def ack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        self._put(is_ack=True, tag=tag, multiple=multiple)

    def nack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        self._put(is_ack=False, tag=tag, multiple=multiple)

    async def cancel(self) -> None:
        """See port.Lease."""
        if self.lost.done():
            return
        if self._cancelled is None:
            self._cancelled = asyncio.create_task(self._quietly_cancel(), name="lastcall basic.cancel")
        await asyncio.shield(self._cancelled)

    async def close(self) -> None:
        """See port.Lease."""
        if self.lost.done():
            await asyncio.wait([self._writer])
            return
        self._outbox.append((False, 0, False))  # the end: tag 0 is no delivery
        self._outbox_filled.set()
        await asyncio.shield(self._writer)
        closing = asyncio.create_task(self._quietly_close(), name="lastcall channel.close")
        await asyncio.shield(closing)

    def _put(self, *, is_ack: bool, tag: int, multiple: bool) -> None:
        if not self.lost.done():
            self._outbox.append((is_ack, tag, multiple))
            self._outbox_filled.set()

    async def _write(self) -> None:
        """Sends what is in the outbox, in order; ends at the end mark or when the lease is lost."""
        while not self.lost.done():
            await self._outbox_filled.wait()
            self._outbox_filled.clear()
            try:
                while self._outbox and not self.lost.done():
                    is_ack, tag, multiple = self._outbox.popleft()
                    if tag == 0:
                        return
                    send = self._channel.basic_ack if is_ack else self._channel.basic_nack
                    await send(tag, multiple=multiple, wait=False)
            except CONNECTION_ERRORS as error:
                self._lose(reason(error))

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
        self._outbox_filled.set()
