"""A registered handler, ready to be called: its queue, its bounds, and how a message becomes its arguments.

May know: the user's function, payload decoding. May not know: leases, settlements, the drain.
"""

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.core.delivery import Message
from consumer.core.queue import Queue
from consumer.core.retry import RetryPolicy
from consumer.delivery import Delivery
from consumer.engine.threads import Threads
from consumer.errors import Undecodable
from consumer.inbox.port import Inbox
from consumer.middleware import Call, Middleware, around
from consumer.payload import CallPlan

if TYPE_CHECKING:
    from consumer.engine.processes.pool import Processes


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
    processes: "Processes | None" = None
    middleware: Sequence[Middleware] = ()

    @property
    def takes_delivery(self) -> bool:
        """Whether somebody looks at the delivery, beside the payload: most handlers do without."""
        return self.plan.delivery_parameter is not None or bool(self.middleware)

    def ready(self) -> Call:
        """`call`, with the middleware around it; made once, for it takes time."""
        plan = self.plan
        takes_a_payload_alone = plan.takes_payload and plan.delivery_parameter is None
        is_usual = takes_a_payload_alone and plan.is_async and self.processes is None
        return around(self.middleware, self._usual() if is_usual else self.call)

    def _usual(self) -> Call:
        """`call` for what most handlers are, without its questions."""
        decode, function = self.plan.decoder, self.function

        def call(message: Message, _delivery: Delivery | None) -> Awaitable[object]:
            if message.defect is not None:
                raise Undecodable(message.defect.reason)
            return function(decode(message.body, message))  # type: ignore[return-value]  # the plan says that it is one

        return call

    @property
    def payload_type(self) -> object:
        """The annotation of the handler's payload parameter."""
        return self.plan.payload_type

    def call(self, message: Message, delivery: Delivery | None) -> Awaitable[object]:
        """Decode the payload, and call the function: it has run to its end when what is returned was awaited.

        Raises Undecodable; the awaitable, what the function raises. `delivery`: for a function that takes it.
        In a process the body is decoded over there.
        """
        if message.defect is not None:
            raise Undecodable(message.defect.reason)
        if self.processes is not None:
            return self.processes.run(message, delivery)
        plan = self.plan
        payload = (plan.decoder(message.body, message),) if plan.takes_payload else ()
        named = {} if plan.delivery_parameter is None else {plan.delivery_parameter: delivery}
        if plan.is_async:
            return self.function(*payload, **named)  # type: ignore[return-value]  # is_async says that it is one
        return self.threads.run(functools.partial(self.function, *payload, **named))
