"""One channel with one consumer: deliveries come in through a plain call, settlements go out in order.

May know: aiormq's channel and its hazards, the fast lane. May not know: why something is acked or returned.

Hazards that this file keeps away from everyone else (see docs/adr/0004):
- aiormq runs consumer callbacks in tasks that the channel owns and cancels: ours only records and returns;
- cancelling or timing out any RPC closes the channel: every RPC runs in a task that nobody cancels;
- `basic.cancel` with nowait drops late deliveries: never used;
- a consumer tag used again closes the connection on RabbitMQ 4.3: each lease has a fresh one, each time it consumes.
"""

import asyncio
from itertools import count
from uuid import uuid4

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec

from consumer.broker.amqp.convert import message_from, message_in
from consumer.broker.amqp.errors import CONNECTION_ERRORS, cancellations_of_the_client, consuming, reason
from consumer.broker.amqp.lane import Lane
from consumer.broker.amqp.outlet import ClientOutlet, LaneOutlet, Outlet
from consumer.broker.port import OnDelivery, OnLost
from consumer.core.queue import Queue
from consumer.core.watermark import Verb

_ids = count(1)


class AmqpLease:
    """See port.Lease. `lane` None: deliveries come through aiormq's consumer callback."""

    def __init__(
        self,
        channel: AbstractChannel,
        generation: int,
        address: str,
        queue: Queue,
        on_delivery: OnDelivery,
        on_lost: "OnLost | None",
        lane: Lane | None,
    ) -> None:
        self.id = next(_ids)
        self.generation = generation
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._address = address
        self._queue = queue
        self._on_delivery = on_delivery
        self._on_lost = on_lost
        self._lane = lane
        self._consumer_tag = ""
        self._outlet: Outlet = ClientOutlet(channel) if lane is None else LaneOutlet(lane, channel.number)
        self._cancelled: asyncio.Task[None] | None = None
        channel.closing.add_done_callback(self._on_closed)
        channel.on_consumer_cancel_callbacks.add(self._on_server_cancel)

    async def consume(self, prefetch: int) -> None:
        """basic.qos for the consumers of this channel, then basic.consume."""
        await self._channel.basic_qos(prefetch_count=prefetch)
        await self._consume()

    async def resume(self) -> None:
        """See port.Lease."""
        self._cancelled = None
        await asyncio.shield(asyncio.create_task(self._resume(), name="lastcall basic.consume"))

    async def _resume(self) -> None:
        with consuming(self._queue.name, self._address):
            await self._consume()

    async def _consume(self) -> None:
        priority = self._queue.consumer_priority
        former, self._consumer_tag = self._consumer_tag, f"lastcall-{uuid4().hex}"
        if self._lane is not None:
            self._lane.cutter.remove(former)
            self._lane.cutter.add(self._consumer_tag, self._receive_from_the_lane)
        await self._channel.basic_consume(
            self._queue.name,
            self._receive,  # type: ignore[arg-type]  # aiormq takes plain functions too, its annotation does not say so
            consumer_tag=self._consumer_tag,
            arguments={} if priority is None else {"x-priority": priority},
        )

    def ack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        if not self.lost.done():
            self._outlet.put(Verb.ACK, tag, multiple=multiple)

    def nack(self, tag: int, *, multiple: bool) -> None:
        """See port.Lease."""
        if not self.lost.done():
            self._outlet.put(Verb.NACK, tag, multiple=multiple)

    def reject(self, tag: int) -> None:
        """See port.Lease."""
        if not self.lost.done():
            self._outlet.put(Verb.REJECT, tag, multiple=False)

    async def cancel(self) -> None:
        """See port.Lease."""
        if self.lost.done():
            return
        if self._cancelled is None:
            self._cancelled = asyncio.create_task(self._quietly_cancel(), name="lastcall basic.cancel")
        await asyncio.shield(self._cancelled)

    async def close(self) -> None:
        """See port.Lease."""
        await self._outlet.finish()
        if not self._channel.is_closed:  # it stands, though the lease is lost, after the broker cancelled the consumer
            await asyncio.shield(asyncio.create_task(self._quietly_close(), name="lastcall channel.close"))

    def _receive(self, delivered: DeliveredMessage) -> None:
        delivery = delivered.delivery
        if isinstance(delivery, spec.Basic.Deliver) and delivery.delivery_tag and not self.lost.done():
            message = message_from(delivered, delivery, self._queue.name)
            self._on_delivery(self, delivery.delivery_tag, message)

    def _receive_from_the_lane(
        self, tag: int, redelivered: bool, exchange: str, routing_key: str, header: bytes, body: bytes
    ) -> None:
        if not self.lost.done():
            message = message_in(header, body, self._queue.name, exchange, routing_key, redelivered)
            self._on_delivery(self, tag, message)

    async def _quietly_cancel(self) -> None:
        try:
            with cancellations_of_the_client():
                await self._channel.basic_cancel(self._consumer_tag)
        except CONNECTION_ERRORS as error:
            self._lose(reason(error))

    async def _quietly_close(self) -> None:
        try:
            with cancellations_of_the_client():
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
            self._outlet.drop()
            if self._lane is not None:
                self._lane.cutter.remove(self._consumer_tag)
            if self._on_lost is not None:
                self._on_lost(self)
