"""Tracing: a span for each attempt of a handler, one for its settlement, one for each publish; by OpenTelemetry's API.

May know: opentelemetry, deliveries, events, the port's publisher. May not know: the engine, exporters.

By the semantic conventions for messaging, version 1.43. It is middleware, an observer and a publisher around the
worker's, so nothing of it is on the way of a message while tracing is off.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from opentelemetry import propagate, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode

from consumer._version import __version__
from consumer.broker.port import Publisher
from consumer.core.delivery import Outgoing
from consumer.core.events import Event
from consumer.delivery import Delivery
from consumer.errors import Requeue

SCHEMA = "https://opentelemetry.io/schemas/1.43.0"
TracingMode: TypeAlias = Literal["parent", "link"]
"""How an attempt's span knows the one in which its message was published: as its parent, or in a trace of its own."""
Attributes: TypeAlias = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class _Processed:
    """The last attempt that began in this task: its span, and what its message brought along."""

    span: SpanContext
    queue: str
    attributes: Attributes
    brought: Mapping[str, object]


_processed: ContextVar[_Processed | None] = ContextVar("lastcall_processed", default=None)


def span_to_be_named() -> SpanContext | None:
    """The span that a log record of now belongs to: the current one, or that of the attempt which has just ended."""
    current = trace.get_current_span().get_span_context()
    if current.is_valid:
        return current
    processed = _processed.get()
    return processed.span if processed is not None and processed.span.is_valid else None


class Tracing:
    """Middleware (`process`), and an observer (of settlements). `publisher` wraps the users'."""

    wants_routine = True

    def __init__(self, mode: TracingMode) -> None:
        self._links = mode == "link"
        self._tracer = trace.get_tracer("lastcall", __version__, schema_url=SCHEMA)

    async def process(self, delivery: Delivery, call_next: Callable[[], Awaitable[object]]) -> object:
        """Run the attempt in a span of its own. What it raises is an error, but for Requeue."""
        brought = {name: delivery.headers[name] for name in _fields() if name in delivery.headers}
        context = propagate.extract(brought, Context(), _TextIn())
        attributes = _consumer(delivery)
        span = self._started(f"process {delivery.queue}", context, attributes)
        _processed.set(_Processed(span.get_span_context(), delivery.queue, attributes, brought))
        if span.is_recording() and delivery.properties.correlation_id:
            span.set_attribute("messaging.message.conversation_id", delivery.properties.correlation_id)
        token = attach(trace.set_span_in_context(span, context))
        try:
            return await call_next()
        except Requeue:
            raise
        except BaseException as error:
            _failed(span, error)
            raise
        finally:
            detach(token)
            span.end()

    def __call__(self, event: Event) -> None:
        """A settlement is told in the task that ran the handler: its span stands beside the attempt's."""
        if event.name not in {"settled", "requeued"}:
            return
        processed = _processed.get()
        if processed is None:
            return
        verb = "ack" if event.name == "settled" else "reject" if event.data.get("reason") == "retry" else "nack"
        attributes = processed.attributes | {"messaging.operation.name": verb, "messaging.operation.type": "settle"}
        context = trace.set_span_in_context(NonRecordingSpan(processed.span), Context())
        name = f"{verb} {processed.queue}"
        self._tracer.start_span(name, context, SpanKind.CLIENT, attributes).end()

    def publisher(self, publisher: Publisher) -> Publisher:
        """One that publishes in a span, which the message carries on."""
        return _TracingPublisher(publisher, self._tracer)

    def _started(self, name: str, context: Context, attributes: Attributes) -> Span:
        published_in = trace.get_current_span(context).get_span_context()
        if not self._links:
            return self._tracer.start_span(name, context, SpanKind.CONSUMER, attributes)
        links = [Link(published_in)] if published_in.is_valid else []
        alone = trace.set_span_in_context(INVALID_SPAN, context)
        return self._tracer.start_span(name, alone, SpanKind.CONSUMER, attributes, links)


class _TracingPublisher:
    """See port.Publisher."""

    def __init__(self, publisher: Publisher, tracer: trace.Tracer) -> None:
        self._publisher = publisher
        self._tracer = tracer

    async def publish(self, outgoing: Outgoing) -> None:
        """See port.Publisher."""
        name = f"publish {outgoing.exchange or outgoing.routing_key}"
        with self._tracer.start_as_current_span(name, kind=SpanKind.PRODUCER, attributes=_producer(outgoing)):
            await self._publisher.publish(_carrying_on(outgoing))

    async def publish_later(self, outgoing: Outgoing, seconds: float) -> None:
        """See port.Publisher."""
        await self._publisher.publish_later(outgoing, seconds)

    async def close(self) -> None:
        """See port.Publisher."""
        await self._publisher.close()


class _TextIn(Getter[Mapping[str, object]]):
    """Reads headers of a message; those that are no text are not there."""

    def get(self, carrier: Mapping[str, object], key: str) -> list[str] | None:
        value = carrier.get(key)
        return [value] if isinstance(value, str) else None

    def keys(self, carrier: Mapping[str, object]) -> list[str]:
        return list(carrier)


def _carrying_on(outgoing: Outgoing) -> Outgoing:
    """With the present span's context in its headers, in place of what came with the message that is being handled.

    A header that the user has given stays.
    """
    processed = _processed.get()
    brought = {} if processed is None else processed.brought
    given = outgoing.properties.headers
    injected: dict[str, str] = {}
    propagate.inject(injected)
    stale = {name for name in _fields() if name in given and given[name] == brought.get(name)}
    kept = {name: value for name, value in given.items() if name not in stale}
    return replace(outgoing, properties=replace(outgoing.properties, headers={**injected, **kept}))


def _fields() -> set[str]:
    return propagate.get_global_textmap().fields


def _consumer(delivery: Delivery) -> Attributes:
    exchange, routing_key, queue = delivery.exchange, delivery.routing_key, delivery.queue
    parts = [exchange, routing_key, *([queue] if queue != routing_key else [])]
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": ":".join(filter(None, parts)),
        "lastcall.attempt": delivery.attempt,
        **_named(routing_key, delivery.message_id),
    }


def _producer(outgoing: Outgoing) -> Attributes:
    properties = outgoing.properties
    destination = ":".join(filter(None, [outgoing.exchange, outgoing.routing_key])) or "amq.default"
    conversation = properties.correlation_id
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": destination,
        **_named(outgoing.routing_key, properties.message_id),
        **({"messaging.message.conversation_id": conversation} if conversation else {}),
    }


def _named(routing_key: str, message_id: str | None) -> Attributes:
    named = {"messaging.rabbitmq.destination.routing_key": routing_key, "messaging.message.id": message_id}
    return {name: value for name, value in named.items() if value}


def _failed(span: Span, error: BaseException) -> None:
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    span.set_attribute("error.type", type(error).__qualname__)
