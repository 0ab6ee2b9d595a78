"""What a handler sees of its message: the `Delivery`, and `draining`, by which it learns that a stop was asked for.

May know: core's message, the port's publisher. May not know: channels, settlements, the engine.
"""

import asyncio
from collections.abc import Generator, Mapping

from consumer.broker.port import Publisher
from consumer.core.delivery import Message, Outgoing, Properties


class Draining:
    """False until the worker is asked to stop, then true for good. `await` it, or test it (in threads too)."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def __await__(self) -> Generator[object, None, None]:
        yield from self._event.wait().__await__()

    def begin(self) -> None:
        """The drain has started. Only the engine calls this."""
        self._event.set()


class Delivery:
    """One delivery of a message, as its handler sees it. It is settled by how the handler ends, not by calls."""

    __slots__ = ("_message", "_publisher", "draining")

    def __init__(self, message: Message, draining: Draining, publisher: Publisher) -> None:
        self._message = message
        self._publisher = publisher
        self.draining = draining

    @property
    def message_id(self) -> str | None:
        """The publisher's name for the message: the same at each redelivery, so it makes an idempotency key."""
        return self._message.message_id

    @property
    def body(self) -> bytes:
        """The payload as it arrived, undecoded."""
        return self._message.body

    @property
    def headers(self) -> Mapping[str, object]:
        """The message's headers."""
        return self._message.properties.headers

    @property
    def properties(self) -> Properties:
        """All basic properties of the message."""
        return self._message.properties

    @property
    def redelivered(self) -> bool:
        """Whether the broker has delivered it before, to anyone: a hint, since nobody need have started it."""
        return self._message.redelivered

    @property
    def attempt(self) -> int:
        """Which start of a handler this is, from 1, counted by us."""
        return self._message.attempt

    @property
    def queue(self) -> str:
        """The queue that it came from."""
        return self._message.queue

    @property
    def exchange(self) -> str:
        """The exchange that it was published to ("": the default one)."""
        return self._message.exchange

    @property
    def routing_key(self) -> str:
        """The routing key that it was published with."""
        return self._message.routing_key

    async def publish(
        self,
        body: bytes,
        *,
        routing_key: str,
        exchange: str = "",
        message_id: str | None = None,
        headers: Mapping[str, object] | None = None,
        content_type: str = "application/json",
    ) -> None:
        """Publish a message: persistent, mandatory, and confirmed by the broker when this returns.

        Do it before the handler returns: the delivery is acked after that. The correlation id is carried
        over. Raises PublishFailed when no queue takes it or the broker does not confirm it.
        """
        properties = Properties(
            message_id=message_id,
            headers=dict(headers or {}),
            content_type=content_type,
            correlation_id=self._message.properties.correlation_id or self.message_id,
        )
        await self._publisher.publish(Outgoing(body, routing_key, exchange, properties))

    def __repr__(self) -> str:
        return f"<Delivery {self.message_id or 'without message_id'} from {self.queue}>"
