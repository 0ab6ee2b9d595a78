"""What stands beside the worker is left alone: others' services, other commands of Lastcall's, parts of manifests."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.check.documents.dockerfile import launch
from consumer.check.documents.document import Document
from consumer.cli.check_room import check
from consumer.cli.check_sources import Sources, read
from tests.check.subjects import GOOD, TARGET, checked, codes, container, worker

RUN = "lastcall run orders:worker"
WORKER = {"command": RUN, "stop_grace_period": "40s"}
SHARED = {"LASTCALL_DRAIN_TIMEOUT": "20"}


@pytest.mark.parametrize(
    "other",
    [
        {"command": "sh -c 'migrate && gunicorn shop'", "environment": SHARED},
        {"command": "lastcall parked list orders", "environment": SHARED},
        {"command": "sh -c 'lastcall check orders:worker && lastcall drill orders:worker'"},
        {"command": "postgres -c app=lastcall"},
        {"command": "psql -U lastcall"},
    ],
)
def test_another_service_is_not_taken_for_the_worker(other: dict[str, Any]) -> None:
    services = {"other": other, "worker": {**WORKER, "environment": SHARED}}
    assert codes(checked({"services": services})) == []


@pytest.mark.parametrize("command", ["postgres -c app=lastcall", "lastcall parked list orders"])
def test_what_only_mentions_lastcall_is_no_worker(command: str) -> None:
    report = checked({"services": {"other": {"command": command}}})
    assert codes(report) == []
    assert "pods" in [each.what for each in report.unchecked]


def test_a_service_that_is_left_out_is_said_to_be() -> None:
    services = {"web": {"command": "gunicorn shop", "environment": SHARED}, "worker": WORKER}
    assert any("services.web" in each.what for each in checked({"services": services}).unchecked)


def test_a_worker_of_that_user_name_is_found() -> None:
    report = checked({"services": {"w": {**WORKER, "command": f"gosu lastcall sh -c '{RUN}'"}}})
    assert codes(report) == ["shell-entrypoint"]


def test_another_command_in_a_pod_is_no_worker() -> None:
    job = {**container("command", ["sh", "-c", f"lastcall check {TARGET}"], container("args", None)), "kind": "Job"}
    assert codes(checked(GOOD, job)) == []


def test_a_service_of_which_two_files_have_a_part_is_said_to_be_unknown() -> None:
    files = [
        Document("d/compose.yml", {"services": {"worker": {"command": RUN}}}),
        Document("d/compose.prod.yml", {"services": {"worker": {"environment": SHARED, "stop_grace_period": "40s"}}}),
    ]
    report = check(worker(), TARGET, Sources(files), None, ask_broker=False, consumer_timeout=None)
    assert codes(report) == []
    assert any("docker compose config" in each.why for each in report.unchecked)


def test_services_of_two_projects_are_both_looked_at() -> None:
    files = [Document(f"{each}/compose.yml", {"services": {"worker": {"command": RUN}}}) for each in "ab"]
    report = check(worker(), TARGET, Sources(files), None, ask_broker=False, consumer_timeout=None)
    assert codes(report) == ["grace-too-short"] * 2


@pytest.mark.parametrize("extended", ["base", {"file": "base.yml", "service": "base"}])
def test_a_service_that_extends_another_is_said_to_be_unknown(extended: object) -> None:
    services = {"base": {"stop_grace_period": "40s"}, "worker": {"command": RUN, "extends": extended}}
    report = checked({"services": services})
    assert codes(report) == []
    assert any("extends" in each.why for each in report.unchecked)


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
@pytest.mark.parametrize(
    "patching",
    [
        {"patches": [{"path": "patch.yaml"}, {"patch": "- op: remove"}]},
        {"patchesStrategicMerge": ["patch.yaml", "kind: Deployment\nmetadata: {name: x}"]},
        {"patchesJson6902": [{"path": "patch.yaml"}]},
    ],
)
def test_a_patch_is_not_held_to_be_a_whole_manifest(tmp_path: Path, name: str, patching: object) -> None:
    (tmp_path / name).write_text(yaml.safe_dump(patching))
    containers = [{"name": "worker", "args": ["run", TARGET]}]
    patch = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": containers}}}}
    (tmp_path / "patch.yaml").write_text(yaml.safe_dump(patch))
    (tmp_path / "deployment.yaml").write_text(yaml.safe_dump(GOOD))
    report = check(worker(), TARGET, read([str(tmp_path)]), None, ask_broker=False, consumer_timeout=None)
    assert codes(report) == []
    told = [f"{each.what}: {each.why}" for each in report.unchecked]
    assert any("patch.yaml: it is a patch" in each for each in told)
    assert any("kubectl kustomize" in each for each in told)


@pytest.mark.parametrize("text", ["CMD nginx -g 'x;'", "CMD npm start", "STOPSIGNAL SIGQUIT", "CMD lastcall top"])
def test_an_image_of_another_application_is_not_judged(text: str) -> None:
    report = checked(images=(launch("Dockerfile", f"FROM python\n{text}\n"),))
    assert codes(report) == []
    assert "it starts something else than a worker" in [each.why for each in report.unchecked]
