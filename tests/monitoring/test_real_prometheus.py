"""A real Prometheus scrapes real workers: every panel has something to show, and alerts fire when provoked."""

from signal import SIGCONT, SIGTERM, SIGTSTP

import pytest

from tests.monitoring import expressions
from tests.monitoring.prometheus import Prometheus, until
from tests.process.harness import Workers
from tests.process.queues import Jobs
from tests.process.wires import Gate

pytestmark = [pytest.mark.broker, pytest.mark.process]


def health(port: int) -> tuple[str, str]:
    return "--health", f"127.0.0.1:{port}"


@pytest.mark.parametrize("expression", expressions.of_rules().values(), ids=expressions.of_rules())
async def test_it_understands_every_rule(prometheus: Prometheus, expression: str) -> None:
    await prometheus.query(expression)


async def test_every_panel_has_something_to_show_of_a_worker_that_works_and_drains(
    prometheus: Prometheus, workers: Workers, jobs: Jobs, gate: Gate
) -> None:
    worker = await workers.consuming(*health(prometheus.ports[0]), "--concurrency", "1", "--prefetch", "2")
    await jobs.publish(3, "return")
    await worker.until("settled", 3)
    await jobs.publish(2, "hold")
    await worker.until("received", 5)
    await prometheus.until_it_sees("lastcall_deliveries_prefetched == 1")
    worker.signal(SIGTERM)
    await prometheus.until_it_sees("lastcall_draining_seconds > 0")
    silent = dict(expressions.of_dashboard())

    async def all_have_answered() -> bool:
        for name, expression in [*silent.items()]:
            if await prometheus.query(expression):
                del silent[name]
        return not silent

    await until(all_have_answered, f"an answer to each of {silent}")
    gate.open()
    assert await worker.exit() == 0


async def test_each_variable_of_the_dashboard_has_values(prometheus: Prometheus, workers: Workers) -> None:
    worker = await workers.consuming(*health(prometheus.ports[1]))
    await prometheus.until_it_sees('lastcall_queue_consumed{pod="pod-1"} == 1')

    for name, (series, label) in expressions.variables().items():
        assert await prometheus.ask(f"label/{label}/values", **{"match[]": series}), name
    worker.signal(SIGTERM)
    assert await worker.exit() == 0


async def test_a_parked_message_and_a_queue_that_nobody_consumes_fire(
    prometheus: Prometheus, workers: Workers, jobs: Jobs
) -> None:
    about = {"namespace": "tests", "queue": jobs.queue.name}
    worker = await workers.consuming(*health(prometheus.ports[2]), env={"LASTCALL_RETRY_ATTEMPTS": "1"})
    await jobs.publish(1, "what no job does")
    await worker.until("parked")
    fired = await prometheus.until_firing("LastcallParked", **about)
    assert fired["annotations"]["summary"] == f"1 messages of {jobs.queue.name} were parked in the last 15 minutes"

    worker.signal(SIGTSTP)
    await prometheus.until_firing("LastcallNoConsumer", **about)
    worker.signal(SIGCONT)
    await prometheus.until_it_sees('lastcall_queue_consumed{pod="pod-2"} == 1')
    worker.signal(SIGTERM)
    assert await worker.exit() == 0


async def test_a_handler_that_outlasts_its_drain_fires_before_the_drain_and_in_it(
    prometheus: Prometheus, workers: Workers, jobs: Jobs
) -> None:
    worker = await workers.consuming(*health(prometheus.ports[1]), env={"LASTCALL_DRAIN_TIMEOUT": "1.5"})
    await jobs.publish(1, "swallow cancellation")  # so that the worker is there for another second
    await worker.until("started")
    await prometheus.until_firing("LastcallHandlerOutlastsDrain", pod="pod-1", queue=jobs.queue.name)

    worker.signal(SIGTERM)
    fired = await prometheus.until_firing("LastcallDrainTooLong", pod="pod-1")
    assert fired["annotations"]["summary"].startswith("pod-1 drained for ")
    assert await worker.exit() == 3
