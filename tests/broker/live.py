"""Workers on a real RabbitMQ in the test's own loop, and what the test does to their queues beside them.

May know: the package's public face, its AMQP client. May not know: the engine's insides. Nothing here sleeps.
"""

import asyncio
from collections.abc import Callable

from pamqp import commands as spec

from consumer import Settings, Worker
from consumer.broker.amqp import AmqpBroker
from consumer.broker.port import Broker, Tls
from consumer.core.events import Event, EventName
from consumer.engine.report import Report
from tests.transports import CHOSEN

PATIENCE = 15.0
"""Seconds after which a wait has failed: more than it takes to notice that heartbeats of 1 s don't come (2.1)."""


class LiveWorker:
    """A worker, all that it has told, and its run."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.events: list[Event] = []
        self._serving: asyncio.Task[Report] | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Event]] = []
        worker.observe(self._note)

    async def consuming(self) -> "LiveWorker":
        """Start it; itself, once it consumes."""
        self._serving = asyncio.create_task(self.worker.serve())
        await self.told("consuming")
        return self

    async def told(self, name: EventName, number: int = 1, message_id: str | None = None) -> None:
        """Until it has told of so many events of this name (about this message)."""

        def enough() -> bool:
            return sum(message_id in {None, event.message_id} for event in self.of(name)) >= number

        if not enough():
            noticed = asyncio.Event()
            self._waiting.append((enough, noticed))
            async with asyncio.timeout(PATIENCE):
                await noticed.wait()

    def of(self, name: EventName) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def ids(self, name: EventName) -> list[str | None]:
        return [event.message_id for event in self.of(name)]

    async def report(self) -> Report:
        """Its report, once it has ended."""
        assert self._serving is not None
        async with asyncio.timeout(PATIENCE):
            return await self._serving

    async def drained(self) -> Report:
        self.worker.stop()
        return await self.report()

    async def strike(self) -> None:
        """End it, if the test has not."""
        if self._serving is not None and not self._serving.done():
            self.worker.stop_now("the test is over")
            await asyncio.wait({self._serving}, timeout=PATIENCE)

    def _note(self, event: Event) -> None:
        self.events.append(event)
        for enough, noticed in self._waiting:
            if enough():
                noticed.set()


class Live:
    """The broker with a prefix of the test's own; `close` deletes the queues that the test has named."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.broker = AmqpBroker([url], name="lastcall test", heartbeat=60, tls=Tls(), transport=CHOSEN)
        self._prefix = prefix
        self._tools = self.broker.tools()
        self._workers: list[LiveWorker] = []
        self._queues: set[str] = set()

    async def open(self) -> "Live":
        self._connection = await self.broker.open("lastcall test")
        self._channel = await (await self._connection.channel()).get_underlay_channel()
        return self

    def worker(self, *, broker: Broker | None = None, **settings: object) -> LiveWorker:
        """A worker that is not started yet; on this broker, or on the one that is given."""
        given = {"amqp_url": self.url, "queue_prefix": self._prefix, **settings}
        live = LiveWorker(Worker(Settings.load(**given), broker=broker))
        self._workers.append(live)
        return live

    def name(self, queue: str) -> str:
        """The queue's whole name; it is deleted afterwards, with its parking queue."""
        name = f"{self._prefix}{queue}"
        self._queues |= {name, f"{name}.parked"}
        return name

    async def put(self, queue: str, body: bytes = b"{}", properties: spec.Basic.Properties | None = None) -> None:
        """Publish straight to the queue, with properties that our own publisher need not be able to send."""
        await self._channel.basic_publish(body, routing_key=self.name(queue), properties=properties)

    async def declare(self, queue: str) -> None:
        """A plain quorum queue, as somebody else would."""
        await self._channel.queue_declare(self.name(queue), durable=True, arguments={"x-queue-type": "quorum"})

    async def bind(self, queue: str, exchange: str) -> None:
        """Declare the exchange, a fanout, and bind the queue to it."""
        await self._channel.exchange_declare(self.name(exchange), exchange_type="fanout")
        await self._channel.queue_bind(self.name(queue), self.name(exchange))

    async def delete_exchange(self, exchange: str) -> None:
        await self._channel.exchange_delete(self.name(exchange))

    async def depth(self, queue: str) -> int | None:
        return await self._tools.depth(self.name(queue))

    async def delete(self, queue: str) -> None:
        await self._tools.delete(self.name(queue))

    async def take(self, queue: str) -> spec.Basic.Properties:
        """The properties of the queue's first message, which is gone then."""
        return (await self._channel.basic_get(self.name(queue), no_ack=True)).header.properties

    async def close(self) -> None:
        for worker in self._workers:
            await worker.strike()
        for name in self._queues:
            await self._tools.delete(name)
        await self._tools.close()
        await self._connection.close()
