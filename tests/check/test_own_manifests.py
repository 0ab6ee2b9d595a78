"""What this project ships passes its own check: base, overlays, image and Compose file, and raw is no worse."""

from functools import cache

import pytest

from consumer.check.documents.document import Document, at
from consumer.check.documents.pods import POD_AT
from consumer.check.finding import Report
from consumer.cli.check_room import check
from consumer.cli.check_sources import Sources, read
from examples.orders.worker import worker
from tests.check.subjects import codes
from tests.deploy.engine import ROOT
from tests.deploy.manifests import rendered

TARGET = "examples.orders.worker:worker"
NEVER_KNOWN = {"the queues on the broker, and what its user may do", "how long charge, mail may run"}


def checked(sources: Sources) -> Report:
    return check(worker, TARGET, sources, None, ask_broker=False, consumer_timeout=None)


@cache
def documents(overlay: str) -> list[Document]:
    return [Document(overlay, each) for each in rendered(overlay)]


@pytest.mark.parametrize(
    "overlays",
    [
        ("base",),
        ("overlays/keda",),
        ("overlays/keda-jobs",),
        ("base", "overlays/monitoring", "overlays/cluster"),
        ("overlays/keda", "overlays/monitoring", "overlays/cluster"),
    ],
)
def test_the_manifests_pass_without_a_warning(overlays: tuple[str, ...]) -> None:
    report = checked(Sources([each for overlay in overlays for each in documents(overlay)]))
    assert codes(report) == []
    assert {each.what for each in report.unchecked} <= NEVER_KNOWN


@pytest.mark.parametrize("overlay", ["base", "overlays/keda", "overlays/keda-jobs", "overlays/deletion-cost"])
def test_no_service_of_the_namespace_gives_a_worker_variables(overlay: str) -> None:
    pods = [at(each.content, *POD_AT[each.kind]) for each in documents(overlay) if each.kind in POD_AT]
    assert [each["enableServiceLinks"] for each in pods] == [False]


def test_image_and_compose_file_pass_without_a_warning() -> None:
    report = checked(read([str(ROOT / "deploy" / "Dockerfile"), str(ROOT / "docker-compose.yml")]))
    assert codes(report) == []
    assert {each.what for each in report.unchecked} <= NEVER_KNOWN


def test_the_worker_is_found_in_all_of_them() -> None:
    """What is not looked at passes too: a change that breaks each of them must show."""
    late = "999"
    for overlay in ("base", "overlays/keda", "overlays/keda-jobs"):
        changed = [
            Document(each.source, {**each.content, "data": {**each.content["data"], "LASTCALL_DRAIN_TIMEOUT": late}})
            if each.kind == "ConfigMap"
            else each
            for each in documents(overlay)
        ]
        assert "grace-too-short" in codes(checked(Sources(changed)))
