"""A message's trace goes on: into the span of its handler, its settlement, what it publishes, and the log."""

import asyncio
import importlib.util
import io
import json
import logging
from typing import Any

import pytest
import structlog
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from consumer import ConfigurationError, Delivery, Requeue
from consumer.core.delivery import Message
from consumer.observe.logs import configure_logging
from consumer.observe.trace_ids import add_trace_ids
from tests.engine.stage import Stage

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
BROUGHT = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=1", "baggage": "tenant=x"}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """The process has one tracer provider, for good: that is OpenTelemetry's way."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


class Spans:
    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span

    @property
    def names(self) -> list[str]:
        return [span.name for span in self._exporter.get_finished_spans()]


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Spans:
    exporter.clear()
    return Spans(exporter)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def traceparent(message: Message) -> str:
    return str(message.properties.headers["traceparent"])


async def handled(stage: Stage, headers: dict[str, object] | None = None) -> None:
    stage.put("a", headers=BROUGHT if headers is None else headers)
    stage.start()
    await stage.told("settled")


async def test_a_handler_runs_in_a_span_whose_parent_published_the_message(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="parent")
    seen: list[str] = []

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        seen.append(format(trace.get_current_span().get_span_context().span_id, "016x"))
        seen.append(str(baggage.get_baggage("tenant")))

    await handled(stage)
    span = spans.one("process orders")
    assert span.context is not None
    assert span.parent is not None
    assert (format(span.context.trace_id, "032x"), format(span.parent.span_id, "016x")) == (TRACE, SPAN)
    assert seen == [format(span.context.span_id, "016x"), "x"]
    assert span.kind is SpanKind.CONSUMER
    assert attributes(span) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "orders",
        "messaging.rabbitmq.destination.routing_key": "orders",
        "messaging.message.id": "a",
        "lastcall.attempt": 1,
    }


async def test_linked_it_is_in_a_trace_of_its_own_and_baggage_goes_on(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="link")
    seen: list[object] = []

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        seen.append(baggage.get_baggage("tenant"))

    await handled(stage)
    span = spans.one("process orders")
    assert span.context is not None
    assert span.parent is None
    assert format(span.context.trace_id, "032x") != TRACE
    [link] = span.links
    assert (format(link.context.trace_id, "032x"), format(link.context.span_id, "016x")) == (TRACE, SPAN)
    assert seen == ["x"]


@pytest.mark.parametrize("mode", ["parent", "link"])
@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}, {"traceparent": 7, "baggage": b"\xff"}])
async def test_without_a_trace_it_begins_one(stage: Stage, spans: Spans, mode: str, headers: dict[str, object]) -> None:
    stage.make(tracing=mode)

    @stage.worker.handler("orders")
    async def work() -> None: ...

    await handled(stage, headers)
    span = spans.one("process orders")
    assert (span.parent, list(span.links)) == (None, [])


async def test_its_settlement_is_a_span_beside_it(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="parent")

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        if not delivery.redelivered:
            raise Requeue

    await handled(stage)
    assert spans.names == ["process orders", "nack orders", "process orders", "ack orders"]
    process, ack = spans.named("process orders")[-1], spans.one("ack orders")
    assert process.context is not None
    assert ack.parent is not None
    assert ack.parent.span_id == process.context.span_id
    assert ack.kind is SpanKind.CLIENT
    assert attributes(ack)["messaging.operation.type"] == "settle"
    assert spans.named("process orders")[0].status.status_code is StatusCode.UNSET, "Requeue is no error"


async def test_what_is_handed_back_unstarted_has_no_span(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="parent")
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("requeued", 2)
    stage.handling.finish("a")
    await stage.report()
    assert spans.names == ["process orders", "ack orders"]


async def test_a_failure_and_a_cancelled_attempt_are_errors_of_its_span(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="parent", drain_timeout=0.05)

    @stage.worker.handler("orders", concurrency=2)
    async def work(delivery: Delivery) -> None:
        if delivery.message_id == "a":
            raise LookupError
        await stage.handling.run(delivery)

    stage.put("a", "b")
    await stage.running("b")
    await stage.told("parked")
    assert (await stage.drained()).orphans == ["b"]
    failed, cancelled = spans.named("process orders")
    assert [attributes(span)["error.type"] for span in (failed, cancelled)] == ["LookupError", "CancelledError"]
    assert {span.status.status_code for span in (failed, cancelled)} == {StatusCode.ERROR}
    assert [event.name for event in failed.events] == ["exception"]


@pytest.mark.parametrize("mode", ["parent", "link"])
async def test_what_the_handler_publishes_carries_its_publish_span_on(stage: Stage, spans: Spans, mode: str) -> None:
    stage.make(tracing=mode)

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await delivery.publish(b"[]", routing_key="invoices", message_id="i1")

    stage.fake.declare("invoices")
    await handled(stage)
    process, publish = spans.one("process orders"), spans.one("publish invoices")
    assert publish.context is not None
    assert process.context is not None
    assert publish.parent is not None
    assert publish.parent.span_id == process.context.span_id
    [invoice] = stage.fake.ready("invoices")
    trace_id, span_id = format(publish.context.trace_id, "032x"), format(publish.context.span_id, "016x")
    assert traceparent(invoice).split("-")[1:3] == [trace_id, span_id]
    assert (trace_id == TRACE) == (mode == "parent")
    assert invoice.properties.headers.get("tracestate") == ("a=1" if mode == "parent" else None)
    assert invoice.properties.headers["baggage"] == "tenant=x"
    assert publish.kind is SpanKind.PRODUCER
    assert attributes(publish) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "invoices",
        "messaging.rabbitmq.destination.routing_key": "invoices",
        "messaging.message.id": "i1",
        "messaging.message.conversation_id": "a",
    }


async def test_a_trace_that_is_given_stays(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="parent")
    own = f"00-{'1' * 32}-{'2' * 16}-01"

    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await delivery.publish(b"[]", routing_key="invoices", headers={"traceparent": own})

    stage.fake.declare("invoices")
    await handled(stage)
    [invoice] = stage.fake.ready("invoices")
    assert traceparent(invoice) == own


async def test_a_copy_for_a_later_attempt_keeps_the_trace_that_its_original_came_with(
    stage: Stage, spans: Spans
) -> None:
    stage.make(tracing="parent")

    @stage.worker.handler("orders")
    async def work() -> None:
        raise ValueError

    await handled(stage)
    [parked] = stage.fake.ready("orders.parked")
    assert traceparent(parked) == BROUGHT["traceparent"]
    assert spans.names == ["process orders", "ack orders"], "copies of ours are no publishes of the user's"


async def test_the_worker_publishes_in_the_span_of_whoever_calls_it(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="parent")
    stage.handle()
    stage.fake.declare("invoices")
    stage.start()
    await stage.told("consuming")
    with trace.get_tracer("test").start_as_current_span("request") as request:
        await stage.worker.publish(b"[]", routing_key="invoices")
    [invoice] = stage.fake.ready("invoices")
    assert traceparent(invoice).split("-")[1] == format(request.get_span_context().trace_id, "032x")


async def test_log_records_name_the_span_until_the_message_is_settled(stage: Stage, spans: Spans) -> None:
    stage.make(tracing="parent")
    told: dict[str, dict[str, object]] = {}
    stage.worker.observe(lambda event: told.update({event.name: dict(add_trace_ids(None, "", {}))}))

    @stage.worker.handler("orders")
    async def work() -> None:
        told["handler"] = dict(add_trace_ids(None, "", {}))
        await asyncio.sleep(0)
        raise ValueError

    await handled(stage)
    span = spans.one("process orders").context
    assert span is not None
    expected = {"trace_id": TRACE, "span_id": format(span.span_id, "016x")}
    assert told["handler"] == told["parked"] == told["settled"] == expected
    assert told["consuming"] == {}


def test_the_log_of_a_worker_has_them(monkeypatch: pytest.MonkeyPatch, spans: Spans) -> None:
    root, stream = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(structlog, "is_configured", lambda: True)
    levels = {name: logging.getLogger(name).level for name in ("", "lastcall", "aio_pika", "aiormq")}
    try:
        configure_logging("info", "json", stream, enrichers=[add_trace_ids])
        with trace.get_tracer("test").start_as_current_span("request") as request:
            logging.getLogger("orders").info("charged")
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    line = json.loads(stream.getvalue())
    assert line["trace_id"] == format(request.get_span_context().trace_id, "032x")


async def test_off_nothing_is_traced_and_headers_are_carried_as_they_came(stage: Stage, spans: Spans) -> None:
    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        await delivery.publish(b"[]", routing_key="invoices")

    stage.fake.declare("invoices")
    await handled(stage)
    assert spans.names == []
    [invoice] = stage.fake.ready("invoices")
    assert traceparent(invoice) == BROUGHT["traceparent"]


async def test_without_opentelemetry_the_start_says_what_to_install(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    stage.make(tracing="parent")
    stage.handle()
    with pytest.raises(ConfigurationError, match=r"lastcall\[otel\]"):
        await stage.worker.serve()
