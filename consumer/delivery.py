"""What a handler sees of its message: the `Delivery`, and `draining`, by which it learns that a stop was asked for.

May know: core's message, the port's publisher. May not know: channels, settlements, the engine.
"""

import asyncio
from collections.abc import Generator, Mapping

from consumer.broker.port import Publisher
from consumer.core.delivery import Message, Properties
from consumer.inbox.owner import Claimed
from consumer.publishing import outgoing


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

    __slots__ = ("_message", "_publisher", "attempt", "claim", "draining")

    attempt: int
    """Which start of a handler on this message this is, from 1, counted by us across workers and retries."""
    claim: Claimed | None
    """The claim under which it runs, when its handler has an inbox (`once=`) and the message an id."""

    def __init__(
        self,
        message: Message,
        attempt: int,
        draining: Draining,
        publisher: Publisher,
        claim: Claimed | None = None,
    ) -> None:
        self._message = message
        self.attempt = attempt
        self.claim = claim
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
    def queue(self) -> str:
        """The queue that it came from."""
        return self._message.queue

    @property
    def exchange(self) -> str:
        """The exchange that it was first published to ("": the default one), retries looked through."""
        return self._message.origin[0]

    @property
    def routing_key(self) -> str:
        """The routing key that it was first published with."""
        return self._message.origin[1]

    async def publish(
        self,
        body: bytes,
        *,
        routing_key: str,
        exchange: str = "",
        message_id: str | None = None,
        headers: Mapping[str, object] | None = None,
        content_type: str = "application/json",
        correlation_id: str | None = None,
    ) -> None:
        """Publish a message: persistent, mandatory, and confirmed by the broker when this returns.

        Do it before the handler returns: the delivery is acked after that. Correlation id and trace headers
        (traceparent, tracestate, baggage) are carried over unless you give your own.

        Args:
            body: the payload.
            routing_key: with the default exchange, the name of the queue.
            exchange: "": the default exchange.
            message_id: None: a new one. One that follows from this delivery's makes a rerun publish the same again.
            headers: more headers.
            content_type: what the body is.
            correlation_id: None: this delivery's, or else its message id.

        Raises PublishFailed when no queue takes it or the broker does not confirm it.
        """
        message = outgoing(
            body,
            routing_key=routing_key,
            exchange=exchange,
            message_id=message_id,
            headers=headers,
            content_type=content_type,
            correlation_id=correlation_id,
            cause=self._message,
        )
        await self._publisher.publish(message)

    def __repr__(self) -> str:
        return f"<Delivery {self.message_id or 'without message_id'} from {self.queue}>"
