"""Log records that say to which span they belong.

May know: structlog, the present span. May not know: how logs are rendered.
"""

from opentelemetry.trace import format_span_id, format_trace_id
from structlog.typing import EventDict, WrappedLogger

from consumer.observe.tracing import span_to_be_named


def add_trace_ids(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """A structlog processor: `trace_id` and `span_id`, as OpenTelemetry writes them, where there is a span."""
    span = span_to_be_named()
    if span is not None:
        event_dict.setdefault("trace_id", format_trace_id(span.trace_id))
        event_dict.setdefault("span_id", format_span_id(span.span_id))
    return event_dict
