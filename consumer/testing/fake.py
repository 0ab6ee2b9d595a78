"""A broker in memory, for tests of workers: `Worker(settings, broker=FakeBroker())`.

It keeps the contract that RabbitMQ keeps (tests/contract/ runs against both), and it can do what RabbitMQ
can't: hold an answer until the test says so, lose a connection at a chosen moment, tell what went wrong.
May know: the port, core's words. May not know: aio-pika, the engine.
"""

from collections.abc import Callable, Mapping
from itertools import count

from consumer.core.delivery import Message, Outgoing, Properties
from consumer.core.facts import Version
from consumer.core.queue import Queue
from consumer.errors import LastcallError
from consumer.testing.fake_connection import FakeConnection, FakePublisher
from consumer.testing.fake_gates import Fallible, Gate, Point
from consumer.testing.fake_server import FakeServer

__all__ = ["FakeBroker", "FakeConnection", "Fallible", "Gate", "Point"]


class FakeBroker:
    """RabbitMQ as far as a worker can tell. Made anywhere, used on one loop's thread.

    Not modelled: time to live, dead-lettering, consumer priority, single active consumer, permissions.

        async def test_a_message_is_worked() -> None:
            broker = FakeBroker()
            broker.put("orders", b'{"id": "o1"}', message_id="o1")
            worker = Worker(settings, broker=broker)
            ...
            serving = asyncio.create_task(worker.serve())
            await broker.until(lambda: broker.is_empty("orders"))
            worker.stop()
            await serving

    Args:
        version: whose rules `prepare` tells the facts by: major and minor version of RabbitMQ.

    Attributes:
        connections: every connection that was ever made, in order; the live ones have `lost` not done.
    """

    def __init__(self, *, version: Version = (4, 3)) -> None:
        self.connections: list[FakeConnection] = []
        self._server = FakeServer(version)
        self._generations = count(1)

    # ---- the port ----

    async def connect(self) -> FakeConnection:
        """See port.Broker."""
        await self._server.gates.passing("connect")
        self._server.gates.check("connect")
        connection = FakeConnection(self._server, next(self._generations))
        self.connections.append(connection)
        return connection

    def publisher(self) -> FakePublisher:
        """See port.Broker."""
        return FakePublisher(self._server)

    # ---- what is in it ----

    def declare(self, queue: str, arguments: Mapping[str, object] | None = None) -> None:
        """Make a queue, unless there is one of this name; without `arguments` as a worker would declare it."""
        self._server.declare(queue, Queue(queue).declaration if arguments is None else arguments)

    def put(
        self,
        queue: str,
        body: bytes = b"{}",
        *,
        message_id: str | None = None,
        headers: Mapping[str, object] | None = None,
        content_type: str | None = "application/json",
    ) -> None:
        """Put a message at the tail of a queue, which is made when it is absent."""
        self.declare(queue)
        properties = Properties(message_id=message_id, headers=dict(headers or {}), content_type=content_type)
        self._server.publish(Outgoing(body, queue, properties=properties))

    def arguments(self, queue: str) -> dict[str, object]:
        """With which arguments the queue was declared. Raises KeyError when there is none of this name."""
        return dict(self._server.queues[queue].arguments)

    def ready(self, queue: str) -> list[Message]:
        """What waits in a queue for a consumer, the next one first; empty when there is no such queue."""
        found = self._server.queues.get(queue)
        return found.ready if found else []

    def unacked(self, queue: str) -> list[Message]:
        """What consumers of a queue hold, in the order of arrival."""
        found = self._server.queues.get(queue)
        return found.unacked if found else []

    def is_empty(self, queue: str) -> bool:
        """Whether nothing is ready and nothing unacked."""
        return not self.ready(queue) and not self.unacked(queue)

    def delayed(self, queue: str) -> list[tuple[Message, float]]:
        """What was published to come later to a queue, with the delay in seconds, in order."""
        return self._server.delayed(queue)

    def release(self, queue: str) -> None:
        """Let everything come now that was to come later to this queue: no clock does it.

        Raises PublishFailed when there is no such queue.
        """
        self._server.release(queue)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds; it is looked at after every change in the broker.

        Put `asyncio.timeout` around it: a condition that never holds is waited for without end.
        """
        await self._server.until(condition)

    # ---- what goes wrong ----

    def hold(self, point: Point) -> Gate:
        """Hold up everything that passes this point, until `gate.open()`. Call it on the running loop.

        connect, prepare: the broker has not answered, and nothing has happened there yet.
        consume: deliveries come already, the consume-ok does not.
        cancel-ok: the broker has not come to the basic.cancel yet: deliveries go on.
        cancelled: the broker has cancelled the consumer, the cancel-ok is not back yet.
        close-ok: the broker has not come to the channel.close yet: what is unacked is still held.
        confirm: the message is in its queue, the confirm is not back yet.
        """
        return self._server.gates.hold(point)

    def fail(self, point: Fallible, *errors: LastcallError) -> None:
        """Raise these, one each time: BrokerAway or BrokerRefused, PublishFailed at `confirm`.

        A publish that fails so has put nothing into a queue.
        """
        self._server.gates.fail(point, *errors)

    def cut(self, connection: FakeConnection | None = None, reason: str = "connection reset") -> None:
        """Lose a connection (None: every one) with its channels; what they hold goes back to its queue."""
        for each in self.connections if connection is None else [connection]:
            each.lose(reason)

    def cut_channels(self, queue: str, reason: str = "406 PRECONDITION_FAILED - consumer timeout") -> None:
        """Lose the channels on which this queue is consumed, and no connection."""
        for connection in self.connections:
            for lease in connection.leases:
                if lease.queue.name == queue:
                    lease.lose(reason)

    @property
    def protocol_errors(self) -> list[str]:
        """Illegal settlements (a tag unknown or settled already); each has cost its channel. Empty when all is well."""
        return self._server.protocol_errors

    @property
    def returned_by_closing(self) -> list[Message]:
        """What came back because a channel or a connection went, instead of by nack: it burns delivery limits."""
        return self._server.returned_by_closing

    @property
    def rejected(self) -> list[Message]:
        """What came back by basic.reject, in order: failures, as RabbitMQ 4.3 counts them."""
        return self._server.rejected
