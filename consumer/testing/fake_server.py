"""The state of the fake broker: its queues and exchanges, and what it holds against its clients.

May know: queues, routing. May not know: who is connected, the engine.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from consumer.core.delivery import Message, Outgoing
from consumer.core.facts import QueueFacts, Version, facts_of
from consumer.core.queue import PARKING_DECLARATION, ExchangeType, Queue
from consumer.errors import BrokerRefused, PublishFailed
from consumer.testing.fake_gates import Gates
from consumer.testing.fake_queue import FakeQueue
from consumer.testing.fake_routing import Route, matches


class FakeServer:
    """What every connection to one fake broker shares. Used on one loop's thread only."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self.gates = Gates()
        self.queues: dict[str, FakeQueue] = {}
        self.protocol_errors: list[str] = []
        self.returned_by_closing: list[Message] = []
        self.rejected: list[Message] = []
        self._exchanges: dict[str, ExchangeType] = {}
        self._routes: dict[str, list[Route]] = {}
        self._delayed: defaultdict[str, list[tuple[Outgoing, float]]] = defaultdict(list)
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def declare(self, name: str, arguments: Mapping[str, object]) -> FakeQueue:
        """The queue of this name; made, with these arguments, when it is absent."""
        if name not in self.queues:
            self.queues[name] = FakeQueue(name, arguments, self.changed)
        return self.queues[name]

    def prepare(self, queue: Queue) -> QueueFacts:
        """See port.Connection.prepare."""
        found = self.queues.get(queue.name)
        if found is None and not queue.declare:
            raise BrokerRefused(f"queue {queue.name!r} does not exist, and Queue(declare=False) says not to declare it")
        if found is not None and queue.type is not None and queue.type != found.kind:
            raise BrokerRefused(f"queue {queue.name!r} is a {found.kind} queue, the worker asks for {queue.type!r}")
        made = self.declare(queue.name, queue.declaration)
        self.declare(queue.parking, PARKING_DECLARATION)
        for binding in queue.bindings:
            self._exchanges.setdefault(binding.exchange, binding.type)
            routes = self._routes.setdefault(binding.exchange, [])
            if (route := Route(binding, queue.name)) not in routes:
                routes.append(route)
        return facts_of(self._version, made.arguments, declared_here=found is None)

    def publish(self, outgoing: Outgoing) -> None:
        """Put a copy into every queue that it is routed to. Raises PublishFailed when there is none."""
        queues = self._routed(outgoing)
        if not queues:
            where = f"exchange {outgoing.exchange!r} with routing key {outgoing.routing_key!r}"
            raise PublishFailed(f"{where}: no queue takes it. Declare the queue or the binding.")
        for name in queues:
            self.queues[name].put(_message(outgoing, name))

    def put_aside(self, outgoing: Outgoing, seconds: float) -> None:
        """Keep it for its queue, until it is released."""
        self._delayed[outgoing.routing_key].append((outgoing, seconds))
        self.changed()

    def delayed(self, queue: str) -> list[tuple[Message, float]]:
        """What was put aside for this queue."""
        return [(_message(outgoing, queue), seconds) for outgoing, seconds in self._delayed.get(queue, ())]

    def release(self, queue: str) -> None:
        """Publish what was put aside for this queue, without its expiration, as RabbitMQ dead-letters it."""
        for outgoing, _ in self._delayed.get(queue, ()):
            self.publish(replace(outgoing, properties=replace(outgoing.properties, expiration=None)))
        self._delayed.pop(queue, None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds; it is looked at after every change."""
        if not condition():
            held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((condition, held))
            await held

    def changed(self) -> None:
        """Something changed: wake those whose condition holds now."""
        self._waiting = [(condition, held) for condition, held in self._waiting if not held.done()]
        for condition, held in self._waiting:
            if condition():
                held.set_result(None)

    def _routed(self, outgoing: Outgoing) -> list[str]:
        if outgoing.exchange == "":
            return [outgoing.routing_key] if outgoing.routing_key in self.queues else []
        routes = self._routes.get(outgoing.exchange, [])
        kind = self._exchanges.get(outgoing.exchange, "topic")
        taken = {route.queue: None for route in routes if matches(kind, route.binding, outgoing)}
        return [name for name in taken if name in self.queues]


def _message(outgoing: Outgoing, queue: str) -> Message:
    return Message(outgoing.body, queue, outgoing.exchange, outgoing.routing_key, properties=outgoing.properties)
