"""Every metric that there is. docs/metrics.md shows this table, and a test holds the two together.

May know: how values are read off the worker's picture. May not know: prometheus_client, HTTP.
"""

from consumer._version import __version__
from consumer.core.lifecycle import Phase
from consumer.core.snapshot import QueueSnapshot
from consumer.observe.metric import (
    Metric,
    Samples,
    Sight,
    of_handler,
    of_queue,
    of_worker,
    told,
    told_of_queue,
)

RABBITMQ = "rabbitmq"


def _phases(sight: Sight) -> Samples:
    return [((phase.value,), float(sight.worker.phase is phase)) for phase in Phase]


def _ended(sight: Sight) -> Samples:
    for queue in sight.worker.queues:
        for outcome, count in queue.tally.ended.items():
            yield (queue.name, outcome), count


def _runs(sight: Sight) -> Samples:
    for queue in sight.worker.queues:
        for outcome, count in {"completed": queue.tally.completed, **queue.tally.failed}.items():
            yield (queue.name, queue.handler, outcome), count


def _retries(sight: Sight) -> Samples:
    for queue in sight.worker.queues:
        yield (queue.name, "in_place"), sight.worker.told.get(("retrying", queue.name), 0)
        yield (queue.name, "later"), sight.worker.told.get(("put_off", queue.name), 0)
        yield (queue.name, "by_queue"), queue.tally.ended["rejected"]


def _failed_copies(sight: Sight) -> Samples:
    for queue in sight.worker.queues:
        yield (queue.name, "retry"), sight.worker.told.get(("retry_failed", queue.name), 0)
        yield (queue.name, "parking"), sight.worker.told.get(("parking_failed", queue.name), 0)
        yield (queue.name, "saving"), sight.worker.told.get(("saving_failed", queue.name), 0)


def _published(sight: Sight) -> Samples:
    published = sight.worker.published
    return [(("confirmed",), published.durations.count), (("failed",), published.failed)]


def _oldest(queue: QueueSnapshot) -> float:
    return max((each.seconds for each in queue.in_flight), default=0.0)


METRICS: tuple[Metric, ...] = (
    Metric(
        "lastcall_deliveries_received",
        "counter",
        ("queue",),
        "Deliveries that arrived.",
        of_queue(lambda queue: queue.tally.received),
    ),
    Metric(
        "lastcall_deliveries_redelivered",
        "counter",
        ("queue",),
        "Deliveries that the broker had delivered before, to anyone.",
        of_queue(lambda queue: queue.tally.redelivered),
    ),
    Metric("lastcall_deliveries_ended", "counter", ("queue", "outcome"), "Deliveries that left, by how.", _ended),
    Metric(
        "lastcall_deliveries_joined",
        "counter",
        ("queue",),
        "Redeliveries that were settled with their message's first run here.",
        told_of_queue("joined"),
    ),
    Metric(
        "lastcall_deliveries_in_flight",
        "gauge",
        ("queue",),
        "Deliveries whose handlers run.",
        of_queue(lambda queue: len(queue.in_flight)),
    ),
    Metric(
        "lastcall_deliveries_prefetched",
        "gauge",
        ("queue",),
        "Deliveries that are here and not started.",
        of_queue(lambda queue: queue.prefetched),
    ),
    Metric(
        "lastcall_in_flight_oldest_seconds",
        "gauge",
        ("queue",),
        "How long the handler that was started first has been running.",
        of_queue(_oldest),
    ),
    Metric(
        "lastcall_prefetch_wait_seconds",
        "histogram",
        ("queue",),
        "How long deliveries that found no free slot waited here, to their handler's start.",
        of_queue(lambda queue: queue.tally.waits),
    ),
    Metric(
        "lastcall_handler_duration_seconds",
        "histogram",
        ("queue", "handler"),
        "How long handlers ran, attempt by attempt.",
        of_handler(lambda queue: queue.tally.durations),
    ),
    Metric(
        "lastcall_handler_runs", "counter", ("queue", "handler", "outcome"), "Attempts that ended, by their end.", _runs
    ),
    Metric(
        "lastcall_handler_timeouts",
        "counter",
        ("queue",),
        "Attempts that were cancelled because they ran longer than their timeout.",
        told_of_queue("timed_out"),
    ),
    Metric(
        "lastcall_handler_concurrency",
        "gauge",
        ("queue", "handler"),
        "How many handlers may run at once.",
        of_handler(lambda queue: queue.concurrency),
    ),
    Metric(
        "lastcall_retries", "counter", ("queue", "kind"), "Failed attempts that are followed by another one.", _retries
    ),
    Metric(
        "lastcall_copies_failed",
        "counter",
        ("queue", "purpose"),
        "Copies (for a retry, for parking, near the delivery limit) that could not be published, try by try.",
        _failed_copies,
    ),
    Metric(
        "lastcall_orphans",
        "counter",
        ("queue",),
        "Deliveries in flight when the drain timeout had passed: cancelled and requeued.",
        told_of_queue("orphaned"),
    ),
    Metric(
        "lastcall_already_completed",
        "counter",
        ("queue",),
        "Deliveries that their inbox knew as completed: acked without running.",
        told_of_queue("already_completed"),
    ),
    Metric(
        "lastcall_claims_lost",
        "counter",
        ("queue",),
        "Claims in an inbox that ended while their handler ran.",
        told_of_queue("claim_lost"),
    ),
    Metric(
        "lastcall_inbox_failures",
        "counter",
        ("queue",),
        "Times that an inbox's store did not answer.",
        told_of_queue("inbox_away"),
    ),
    Metric(
        "lastcall_defects", "counter", ("queue",), "Errors of Lastcall's own: please report.", told_of_queue("defect")
    ),
    Metric("lastcall_published", "counter", ("result",), "Messages published, copies included.", _published),
    Metric(
        "lastcall_publish_duration_seconds",
        "histogram",
        (),
        "How long the broker took to confirm what was published.",
        lambda sight: [((), sight.worker.published.durations)],
    ),
    Metric(
        "lastcall_queue_consumed",
        "gauge",
        ("queue",),
        "1 while a consumer of this worker is on the queue.",
        of_queue(lambda queue: queue.consumed),
    ),
    Metric(
        "lastcall_queue_at_risk",
        "gauge",
        ("queue",),
        "1 while a delivery limit can take messages of the queue that no handler failed on.",
        of_queue(lambda queue: queue.at_risk),
    ),
    Metric("lastcall_connections", "counter", (), "Connections to the broker that came up.", told("connected")),
    Metric("lastcall_connections_lost", "counter", (), "Connections that were lost.", told("connection_lost")),
    Metric("lastcall_connects_failed", "counter", (), "Attempts to connect that failed.", told("connecting")),
    Metric(
        "lastcall_channels_lost",
        "counter",
        ("queue",),
        "Channels that were lost while their connection stood.",
        told_of_queue("channel_lost"),
    ),
    Metric("lastcall_phase", "gauge", ("phase",), "1 for the phase that the worker is in.", _phases),
    Metric("lastcall_ready", "gauge", (), "1 while /readyz says 200.", of_worker(lambda worker: worker.ready)),
    Metric(
        "lastcall_draining_seconds",
        "gauge",
        (),
        "How long the drain has been under way; 0 before it.",
        of_worker(lambda worker: worker.draining_for or 0.0),
    ),
    Metric(
        "lastcall_drain_timeout_seconds",
        "gauge",
        (),
        "How long a drain may take.",
        of_worker(lambda worker: worker.drain_timeout),
    ),
    Metric(
        "lastcall_background_failures",
        "counter",
        (),
        "Background tasks that raised.",
        told("background_failed"),
    ),
    Metric(
        "lastcall_loop_lag_seconds",
        "gauge",
        (),
        "How long the event loop took, or is taking, to answer; asked about once a second.",
        lambda sight: [] if sight.loop_lag is None else [((), sight.loop_lag)],
    ),
    Metric(
        "lastcall_loop_blocked",
        "counter",
        (),
        "Times that the event loop was blocked for longer than blocked_after.",
        told("loop_blocked"),
    ),
    Metric("lastcall_build_info", "gauge", ("version",), "Always 1.", lambda _: [((__version__,), 1)]),
)
"""By our own names."""


_LABELS = ("messaging_system", "messaging_operation_name", "messaging_destination_name")

BY_CONVENTION: tuple[Metric, ...] = (
    Metric(
        "messaging_client_consumed_messages",
        "counter",
        _LABELS,
        "OpenTelemetry's messaging.client.consumed.messages: as lastcall_deliveries_received.",
        lambda sight: [((RABBITMQ, "process", queue.name), queue.tally.received) for queue in sight.worker.queues],
    ),
    Metric(
        "messaging_process_duration_seconds",
        "histogram",
        _LABELS,
        "OpenTelemetry's messaging.process.duration: as lastcall_handler_duration_seconds.",
        lambda sight: [((RABBITMQ, "process", queue.name), queue.tally.durations) for queue in sight.worker.queues],
    ),
    Metric(
        "messaging_client_sent_messages",
        "counter",
        _LABELS[:2],
        "OpenTelemetry's messaging.client.sent.messages: as lastcall_published.",
        lambda sight: [((RABBITMQ, "publish"), sight.worker.published.attempted)],
    ),
    Metric(
        "messaging_client_operation_duration_seconds",
        "histogram",
        _LABELS[:2],
        "OpenTelemetry's messaging.client.operation.duration: as lastcall_publish_duration_seconds.",
        lambda sight: [((RABBITMQ, "publish"), sight.worker.published.durations)],
    ),
)
"""The same numbers by the names that OpenTelemetry's semantic conventions give them, where they do."""
