"""What is counted is what happened, and is told as Prometheus wants it."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as families

from consumer import Delivery, Park, PublishFailed, Queue, Requeue, Retry
from consumer.core.events import ROUTINE, EventName
from consumer.core.tally import BOUNDS, ENDS, Histogram, Tally
from consumer.observe.metric import Metric, Sight
from consumer.observe.metric_table import BY_CONVENTION, METRICS
from consumer.observe.metrics import WorkerCollector
from tests.engine.stage import Stage, turns, within
from tests.observe.asking import Ports, ask

DOCS = Path(__file__).parents[2] / "docs/metrics.md"


async def counted(stage: Stage, name: str, **labels: str) -> float:
    """A series of the worker's, by its labels; 0 where there is none."""
    text = generate_latest(registry(stage)).decode()
    for family in families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return 0


def registry(stage: Stage) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(WorkerCollector(stage.worker.snapshot))
    return registry


def books(stage: Stage, *, joined: int = 0) -> tuple[int, int]:
    """What was received, and what is known of it. `joined`: redeliveries that wait for a handler which runs on."""
    seen = stage.worker.snapshot()
    assert seen is not None
    received = sum(queue.tally.received for queue in seen.queues)
    ended = sum(count for queue in seen.queues for count in queue.tally.ended.values())
    held = sum(not each.lease_lost for queue in seen.queues for each in queue.in_flight)
    return received, ended + held + joined + seen.prefetched


async def test_every_way_to_end_is_counted_once(stage: Stage) -> None:
    stage.make(retry_attempts=2, retry_first_wait=100)

    @stage.worker.handler("orders", concurrency=10)
    async def work(delivery: Delivery) -> None:
        match delivery.message_id:
            case "park":
                raise Park("for a person")
            case "fail" | "defect":
                raise ValueError
            case "again":
                raise Retry(after=1000)
            case "back" if not delivery.redelivered:
                raise Requeue

    stage.put("a", "b", "park", "fail", "again", "back")
    stage.start()
    await stage.told("settled", 6)
    expected = {"completed": 3, "parked": 1, "retry": 2, "requeued": 1}
    for outcome in ENDS:
        count = await counted(stage, "lastcall_deliveries_ended_total", outcome=outcome)
        assert count == expected.get(outcome, 0), outcome
    assert await counted(stage, "lastcall_deliveries_redelivered_total") == 1
    assert await counted(stage, "lastcall_retries_total", kind="later") == 2
    assert await counted(stage, "lastcall_handler_runs_total", outcome="completed") == 3
    assert await counted(stage, "lastcall_handler_runs_total", outcome="returned") == 1
    assert await counted(stage, "lastcall_handler_duration_seconds_count") == 7
    assert await counted(stage, "lastcall_published_total", result="confirmed") == 3
    assert books(stage) == (7, 7)


async def test_the_books_balance_after_lost_leases_and_a_drain_with_orphans(stage: Stage) -> None:
    stage.make(drain_timeout=0.2, health="127.0.0.1:0")
    stage.handle(concurrency=2, prefetch=4)
    stage.put("a", "b", "c", "d")
    await stage.running("a", "b")
    assert books(stage) == (4, 4)
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    assert books(stage) == (4, 4)
    assert await counted(stage, "lastcall_deliveries_in_flight") == 2, "their handlers run on"
    gate.open()
    await stage.told("joined", 2)
    await stage.told("received", 8)
    assert books(stage, joined=2) == (8, 8)
    assert await counted(stage, "lastcall_deliveries_ended_total", outcome="lease_lost") == 4
    assert await counted(stage, "lastcall_deliveries_joined_total") == 2
    assert await counted(stage, "lastcall_connections_lost_total") == 1
    assert await counted(stage, "lastcall_connections_total") == 2
    stage.handling.finish("a")
    await stage.told("started", 3)
    stage.worker.stop()
    await stage.told("drain_finished")
    assert books(stage) == (8, 8)
    last = stage.worker.snapshot()
    assert last is not None
    ended = last.queues[0].tally.ended
    assert (ended["handed_back"], ended["orphaned"]) == (1, 2)
    assert await counted(stage, "lastcall_orphans_total") == 2
    assert (
        await counted(stage, "lastcall_phase", phase="closing")
        + await counted(stage, "lastcall_phase", phase="stopped")
        == 1
    )
    assert last.draining_for is not None
    assert last.draining_for >= 0.2


async def test_time_spent_in_prefetch_is_of_those_that_waited(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    assert await counted(stage, "lastcall_prefetch_wait_seconds_count") == 0
    stage.handling.finish("a")
    await stage.handling.begun("b")
    assert await counted(stage, "lastcall_prefetch_wait_seconds_count") == 1
    assert await counted(stage, "lastcall_prefetch_wait_seconds_sum") > 0


async def test_a_publish_that_is_not_confirmed_is_counted_as_failed(stage: Stage) -> None:
    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        with pytest.raises(PublishFailed):
            await delivery.publish(b"[]", routing_key="nowhere")

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert await counted(stage, "lastcall_published_total", result="failed") == 1
    assert await counted(stage, "lastcall_publish_duration_seconds_count") == 0


async def test_a_queue_that_is_not_consumed_any_more_says_so(stage: Stage) -> None:
    stage.handle()
    stage.start()
    await stage.told("consuming")
    assert await counted(stage, "lastcall_queue_consumed", queue="orders") == 1
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await gate.reached
    assert await counted(stage, "lastcall_queue_consumed", queue="orders") == 0
    assert await counted(stage, "lastcall_ready") == 1
    gate.open()


@pytest.mark.parametrize("single_active_consumer", [False, True])
async def test_a_draining_worker_consumes_no_more_but_where_it_keeps_its_place(
    stage: Stage, single_active_consumer: bool
) -> None:
    stage.worker.handler(Queue("orders", single_active_consumer=single_active_consumer))(stage.handling.run)
    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("drain_started")
    await turns()
    assert await counted(stage, "lastcall_queue_consumed", queue="orders") == single_active_consumer
    stage.handling.finish("a")
    await stage.told("drain_finished")
    assert await counted(stage, "lastcall_queue_consumed", queue="orders") == 0


async def test_a_loop_that_was_blocked_is_counted(stage: Stage) -> None:
    stage.make(blocked_after=0.05)

    @stage.worker.handler("orders")
    async def block() -> None:
        time.sleep(0.3)  # noqa: ASYNC251 - that is what is looked for

    stage.put("a")
    stage.start()
    await stage.told("loop_blocked")
    assert await counted(stage, "lastcall_loop_blocked_total") == len(stage.of("loop_blocked"))


async def test_whatever_is_told_is_counted(stage: Stage) -> None:
    stage.make(blocked_after=0.05, retry_attempts=2, retry_first_wait=0)

    @stage.worker.handler("orders", timeout=5)
    async def work(delivery: Delivery) -> None:
        if delivery.message_id == "block":
            time.sleep(0.3)  # noqa: ASYNC251 - see above
        if delivery.message_id == "fail":
            raise ValueError

    @stage.worker.background
    async def fail() -> None:
        raise ValueError

    stage.put("block", "fail")
    stage.start()
    for name in ("loop_blocked", "background_failed", "parked"):
        await stage.told(name)
    stage.fake.cut()
    await stage.told("consuming", 2)
    seen = stage.worker.snapshot()
    assert seen is not None
    told = Counter((event.name, event.queue) for event in stage.events if event.name not in ROUTINE)
    assert seen.told == told


class Ones(dict[tuple[str, str | None], int]):
    """One of whatever is asked for."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str | None]] = set()

    def get(self, key: Any, default: Any = None) -> Any:
        self.asked.add(key)
        return 1


@pytest.mark.parametrize(
    "metric", [metric for metric in METRICS if metric.kind == "counter"], ids=lambda metric: metric.name
)
async def test_each_event_that_a_metric_is_made_of_moves_it(stage: Stage, metric: Metric) -> None:
    stage.handle()
    stage.start()
    await stage.told("consuming")
    seen, told = stage.worker.snapshot(), Ones()
    assert seen is not None
    before, after = (list(metric.read(Sight(seen._replace(told=each), None))) for each in (dict(told), told))
    assert {name for name, _ in told.asked} <= {*get_args(EventName)}
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(moved) == len(told.asked)


async def test_openmetrics_is_spoken_to_who_asks_for_it(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.start()
    await stage.told("consuming")
    reply = await ask(ports.last, "/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    families_told = openmetrics(reply.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in families_told} >= {metric.name for metric in METRICS}


async def test_the_same_numbers_have_opentelemetrys_names_too(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled")
    named = {"messaging_system": "rabbitmq", "messaging_destination_name": "orders"}
    assert await counted(stage, "messaging_client_consumed_messages_total", **named) == 1
    assert await counted(stage, "messaging_process_duration_seconds_count", **named) == 1


async def test_a_registry_of_the_users_own_has_nothing_while_the_worker_does_not_run(stage: Stage) -> None:
    stage.handle()
    assert generate_latest(registry(stage)) == b""
    stage.start()
    await stage.told("consuming")
    await turns()
    assert b"lastcall_ready 1.0" in generate_latest(registry(stage))


def test_a_bucket_has_what_took_as_long_as_its_bound_and_less() -> None:
    histogram = Histogram()
    for seconds in (0.0, BOUNDS[0], BOUNDS[1], BOUNDS[-1] + 1):
        histogram.add(seconds)
    assert (histogram.buckets[0], histogram.buckets[1], histogram.buckets[-1]) == (2, 1, 1)
    assert histogram.count == 4


def test_a_copy_of_a_tally_does_not_follow_it() -> None:
    tally = Tally()
    tally.completions.add(0.5)
    copy = tally.copied()
    tally.completions.add(0.5)
    tally.ended["completed"] += 1
    tally.received += 1
    assert (copy.completed, copy.durations.count, copy.ended["completed"], copy.received) == (1, 1, 0, 0)


def test_completed_attempts_never_grow_fewer_whenever_they_are_looked_at() -> None:
    """Each step of what is done at an attempt's end is looked at, as another thread may do."""
    tally = Tally()
    tally.completions.add(0.5)
    tally.failed["parked"] += 1
    assert tally.copied().completed == 1
    tally.failures.add(0.5)
    assert (tally.copied().completed, tally.copied().durations.count, tally.copied().durations.total) == (1, 2, 1.0)


@pytest.mark.parametrize("accept", ["text/plain; version=abc", "text/plain;version=", "\xff", "a/b;version=1.x,*/*"])
async def test_an_accept_header_that_is_nonsense_is_answered_as_none(stage: Stage, ports: Ports, accept: str) -> None:
    stage.handle()
    stage.start()
    await stage.told("consuming")
    reply = await ask(ports.last, "/metrics", accept)
    assert (reply.status, reply.headers["content-type"].split(";")[0]) == (200, "text/plain")


@pytest.mark.parametrize("metric", [*METRICS, *BY_CONVENTION], ids=lambda metric: metric.name)
def test_names_keep_prometheus_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"(lastcall|messaging)(_[a-z]+)+", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket"))
    assert metric.name.endswith("_seconds") or metric.kind != "histogram"
    assert re.fullmatch(r"[A-Z1].*[.:a-z]", metric.help, re.DOTALL)
    assert len({*metric.labels}) == len(metric.labels)


def test_no_name_is_there_twice() -> None:
    names = [metric.name for metric in (*METRICS, *BY_CONVENTION)]
    assert len({*names}) == len(names)


def test_the_docs_have_every_metric_and_no_other() -> None:
    def rows() -> Iterator[str]:
        for metric in METRICS:
            labels = ", ".join(f"`{label}`" for label in metric.labels)
            yield f"| `{metric.exposed_name}` | {metric.kind} | {labels} | {metric.help} |"

    told = [line for line in DOCS.read_text().splitlines() if line.startswith("| `lastcall_")]
    assert told == list(rows())
