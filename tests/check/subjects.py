"""A worker, and a Deployment that suits it, for tests to spoil in one place each."""

import copy
from typing import Any

from consumer import Settings, Worker
from consumer.check.documents.document import Document
from consumer.check.finding import Finding, Report
from consumer.check.subject import Launch
from consumer.cli.check_room import check
from consumer.cli.check_sources import Sources

TARGET = "orders:worker"

GOOD: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "orders"},
    "spec": {
        "template": {
            "spec": {
                "terminationGracePeriodSeconds": 60,
                "containers": [
                    {
                        "name": "worker",
                        "command": ["lastcall"],
                        "args": ["run", TARGET],
                        "env": [{"name": "LASTCALL_DRAIN_TIMEOUT", "value": "50"}],
                        "startupProbe": {"httpGet": {"path": "/startupz"}, "periodSeconds": 2, "failureThreshold": 90},
                        "livenessProbe": {"httpGet": {"path": "/livez"}, "periodSeconds": 20, "failureThreshold": 3},
                        "readinessProbe": {"httpGet": {"path": "/readyz"}},
                    }
                ],
            }
        }
    },
}
GOOD_SCALER: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "orders"},
    "spec": {
        "scaleTargetRef": {"name": "orders"},
        "triggers": [
            {"type": "rabbitmq", "metadata": {"protocol": "http", "queueName": "orders", "mode": "QueueLength"}}
        ],
    },
}


def worker(*, settings: Settings | None = None, queue: Any = "orders", **options: Any) -> Worker:
    """One with a handler of that queue."""
    made = Worker(settings or Settings())

    @made.handler(queue, **options)
    async def charge(order: dict[str, Any]) -> None: ...

    return made


def spoiled(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The document with another value (None: without one) at a path like `spec.template.spec.containers.0.args`."""
    other = copy.deepcopy(document)
    place: Any = other
    *way, last = path.split(".")
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    if isinstance(place, list):
        place[int(last)] = value
    elif value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return other


def container(path: str, value: object, document: dict[str, Any] = GOOD) -> dict[str, Any]:
    """The Deployment with another value in its container."""
    return spoiled(document, f"spec.template.spec.containers.0.{path}", value)


def checked(
    *documents: dict[str, Any],
    of: Worker | None = None,
    images: tuple[Launch, ...] = (),
    process: Launch | None = None,
    consumer_timeout: float | None = None,
) -> Report:
    """What a check says of the worker with these manifests, without a broker."""
    sources = Sources([Document("manifests.yaml", each) for each in documents], list(images))
    return check(of or worker(), TARGET, sources, process, ask_broker=False, consumer_timeout=consumer_timeout)


def codes(report: Report) -> list[str]:
    """The findings by their codes."""
    return [each.code for each in report.findings]


def the(code: str, report: Report) -> Finding:
    """The only finding, which has that code."""
    assert codes(report) == [code], report.findings
    return report.findings[0]
