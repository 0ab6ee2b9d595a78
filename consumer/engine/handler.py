"""A registered handler, ready to be called: its queue, its bounds, and how a message becomes its arguments.

May know: the user's function, payload decoding. May not know: leases, settlements, the drain.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from consumer.core.delivery import Message
from consumer.core.queue import Queue
from consumer.core.retry import RetryPolicy
from consumer.delivery import Delivery
from consumer.engine.threads import Threads
from consumer.errors import Undecodable
from consumer.inbox.port import Inbox
from consumer.payload import CallPlan


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """What `@worker.handler` registered, with the settings laid in. `timeout` in seconds; None: as long as it takes."""

    queue: Queue
    name: str
    function: Callable[..., object]
    plan: CallPlan
    concurrency: int
    prefetch: int
    retry: RetryPolicy
    timeout: float | None
    cancel_on_lost_lease: bool
    inbox: Inbox | None
    threads: Threads

    @property
    def payload_type(self) -> object:
        """The annotation of the handler's payload parameter."""
        return self.plan.payload_type

    async def call(self, message: Message, delivery: Delivery) -> None:
        """Decode the payload and run the function to its end. Raises Undecodable, or what the function raises."""
        if message.defect is not None:
            raise Undecodable(message.defect.reason)
        arguments: list[object] = []
        if self.plan.takes_payload:
            properties = message.properties
            arguments.append(self.plan.decode(message.body, properties.content_type, properties.content_encoding))
        name = self.plan.delivery_parameter
        call = functools.partial(self.function, *arguments, **({name: delivery} if name else {}))
        if self.plan.is_async:
            await call()  # type: ignore[misc]  # is_async says that it returns an awaitable
        else:
            await self.threads.run(call)
