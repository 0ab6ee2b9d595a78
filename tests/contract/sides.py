"""The two sides of the contract, RabbitMQ and the fake, and what a promise needs of either."""

import asyncio
import secrets
from collections.abc import Awaitable
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from consumer.broker.amqp import AmqpBroker
from consumer.broker.amqp.broker import Transport
from consumer.broker.port import Broker, Connection, Lease, Publisher, Tls
from consumer.core.delays import Delay
from consumer.core.delivery import Message, Outgoing, Properties
from consumer.core.queue import Queue
from consumer.testing.fake import FakeBroker
from tests.process.wires import Wire

T = TypeVar("T")
END = b"the end"


async def within(awaitable: Awaitable[T], seconds: float = 10) -> T:
    async with asyncio.timeout(seconds):
        return await awaitable


class Side(Protocol):
    """A broker under the contract, with the power to cut its wires."""

    @property
    def broker(self) -> Broker: ...
    @property
    def protocol_errors(self) -> list[str]: ...
    def cut(self) -> None: ...
    async def close(self, queues: list[str]) -> None: ...


class FakeSide:
    def __init__(self) -> None:
        self.broker = FakeBroker()

    @property
    def protocol_errors(self) -> list[str]:
        return self.broker.protocol_errors

    def cut(self) -> None:
        self.broker.cut()

    async def close(self, queues: list[str]) -> None:
        self.broker.cut()


class AmqpSide:
    """RabbitMQ, over a wire that can be cut."""

    def __init__(self, url: str, transport: Transport) -> None:
        parts = urlsplit(url)
        self._direct = amqp_broker(url)
        self._wire = Wire((str(parts.hostname), parts.port or 5672))
        netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self._wire.port}"
        self.broker = amqp_broker(parts._replace(netloc=netloc).geturl(), transport)
        self.protocol_errors: list[str] = []

    async def open(self) -> "AmqpSide":
        await self._wire.connect()
        return self

    def cut(self) -> None:
        self._wire.cut()

    async def close(self, queues: list[str]) -> None:
        tools = self._direct.tools()
        for queue in queues:
            await tools.delete(queue)
        await tools.close()
        self._wire.close()


def amqp_broker(url: str, transport: Transport = "fast") -> AmqpBroker:
    return AmqpBroker([url], name="lastcall contract", heartbeat=15, tls=Tls(), transport=transport)


class Inbox:
    """What has arrived, and a way to wait for more."""

    def __init__(self) -> None:
        self.arrived: list[tuple[int, Message]] = []
        self._more = asyncio.Condition()
        self._notices: set[asyncio.Task[None]] = set()

    def take(self, lease: Lease, tag: int, message: Message) -> None:
        self.arrived.append((tag, message))
        notice = asyncio.ensure_future(self._tell())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def until(self, number: int) -> list[tuple[int, Message]]:
        async with self._more:
            await within(self._more.wait_for(lambda: len(self.arrived) >= number))
        return self.arrived

    @property
    def tags(self) -> list[int]:
        return [tag for tag, _ in self.arrived]

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for _, message in self.arrived]

    async def _tell(self) -> None:
        async with self._more:
            self._more.notify_all()


class Contract:
    """One test's view of one side: a queue of its own, connections that are closed after it."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.queue = Queue(f"t-contract-{secrets.token_hex(6)}")
        self.publisher: Publisher = side.broker.publisher()
        self._connections: list[Connection] = []

    async def connect(self) -> Connection:
        connection = await within(self.side.broker.connect())
        self._connections.append(connection)
        return connection

    async def prepared(self, queue: Queue | None = None) -> Connection:
        """A connection on which the queue is there."""
        connection = await self.connect()
        await within(connection.prepare(queue or self.queue))
        return connection

    async def put(self, *bodies: bytes) -> None:
        for body in bodies:
            await self.publish(Outgoing(body, self.queue.name))

    async def publish(self, outgoing: Outgoing) -> None:
        await within(self.publisher.publish(outgoing))

    async def consume(
        self, connection: Connection, prefetch: int = 100, queue: Queue | None = None
    ) -> tuple[Lease, Inbox]:
        inbox = Inbox()
        return await within(connection.consume(queue or self.queue, prefetch, inbox.take)), inbox

    async def contents(self, queue: str | None = None) -> list[Message]:
        """What is ready in the queue, in order; it stays there. A marker at the tail says when that was all."""
        name = queue or self.queue.name
        connection = await self.connect()
        await self.publish(Outgoing(END, name, properties=Properties(priority=0)))
        lease, inbox = await self.consume(connection, 1000, Queue(name))
        number = 1
        while (await inbox.until(number))[-1][1].body != END:
            number = len(inbox.arrived) + 1
        lease.ack(inbox.tags[-1], multiple=False)
        await within(lease.close())
        return [message for _, message in inbox.arrived[:-1]]

    async def close(self) -> None:
        for connection in self._connections:
            await within(connection.close())
        await within(self.publisher.close())
        queues = [self.queue.name, self.queue.parking, Delay(self.queue.name, 1).name]
        await within(self.side.close(queues))
