"""What runs is the image with what its container says over it: ENV, ENTRYPOINT, CMD and STOPSIGNAL count."""

from pathlib import Path
from typing import Any

import pytest

from consumer.check.documents.dockerfile import launch
from consumer.check.documents.document import Document
from consumer.check.finding import Report
from consumer.check.subject import Launch
from consumer.cli.check_room import check
from consumer.cli.check_sources import Sources
from tests.check.subjects import GOOD, TARGET, checked, codes, container, spoiled, the, worker

RUN = "lastcall run orders:worker"
PLAIN = container("livenessProbe", None, container("env", None))
SILENT = container("image", "orders:1", container("args", None, container("command", None, PLAIN)))
ENTRY = 'ENTRYPOINT ["lastcall"]\nCMD ["run", "orders:worker"]'
LATE = "ENV LASTCALL_DRAIN_TIMEOUT=70\n"


def image(text: str, source: str = "Dockerfile.orders") -> Launch:
    return launch(source, f"FROM python\n{text}\n")


def pod(path: str, value: object, document: dict[str, Any] = SILENT) -> dict[str, Any]:
    return container(path, value, document)


def composed(under: Launch, **told: Any) -> Report:
    """What is said of a service that is told this, of 60 s of grace, with a Redis beside it."""
    services = {"services": {"w": {"stop_grace_period": "60s", **told}, "redis": {"image": "redis"}}}
    sources = Sources([Document("app/compose.yml", services)], [under])
    return check(worker(), TARGET, sources, None, ask_broker=False, consumer_timeout=None)


def is_said(report: Report, text: str) -> bool:
    return any(text in f"{each.what}: {each.why}" for each in report.unchecked)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LATE + ENTRY, "grace-too-short"),
        ("ENV LASTCALL_DRAIN_TIMEOUT 70\n" + ENTRY, "grace-too-short"),
        ('ENTRYPOINT ["lastcall"]\nCMD ["run", "orders:worker", "--drain-timeout", "70"]', "grace-too-short"),
        (ENTRY + "\nSTOPSIGNAL SIGQUIT", "stop-signal"),
        (f"ENTRYPOINT {RUN}", "shell-entrypoint"),
        (f"CMD {RUN}", "shell-entrypoint"),
    ],
)
def test_a_pod_that_says_nothing_runs_what_its_image_says(text: str, code: str) -> None:
    assert the(code, checked(SILENT, images=(image(text),))).where.document in {"Deployment/orders", ""}


def test_an_image_that_is_under_pods_is_judged_once() -> None:
    found = the("shell-entrypoint", checked(SILENT, images=(image(f"CMD {RUN}"),)))
    assert "(by Dockerfile.orders)" in found.what


@pytest.mark.parametrize(
    ("name", "value"), [("LASTCALL_DRAIN_TIMEOUT", "50"), ("LASTCALL_DRAIN_TIMEOUT", ""), ("OTHER", "1")]
)
def test_a_pods_own_variable_goes_before_the_images(name: str, value: str) -> None:
    report = checked(pod("env", [{"name": name, "value": value}]), images=(image(LATE + ENTRY),))
    assert codes(report) == ([] if name != "OTHER" else ["grace-too-short"])


def test_a_pods_own_variable_of_unknown_value_leaves_it_unknown() -> None:
    env = [{"name": "LASTCALL_DRAIN_TIMEOUT", "valueFrom": {"secretKeyRef": {"name": "s", "key": "d"}}}]
    report = checked(pod("env", env), images=(image(LATE + ENTRY),))
    assert codes(report) == []
    assert is_said(report, "LASTCALL_DRAIN_TIMEOUT of")


@pytest.mark.parametrize(
    ("text", "path", "value", "findings"),
    [
        (f"CMD {RUN}", "args", ["lastcall", "run", "orders:worker"], []),
        (f"CMD {RUN}", "command", ["lastcall", "run", "orders:worker"], []),
        (f"ENTRYPOINT {RUN}", "command", ["lastcall", "run", "orders:worker"], []),
        (f"ENTRYPOINT {RUN}", "args", ["run", "orders:worker"], ["shell-entrypoint"]),
        ('ENTRYPOINT ["lastcall"]\nCMD run orders:worker', "args", ["run", "orders:worker"], []),
        ('ENTRYPOINT ["/bin/sh", "-c"]\nCMD ["lastcall run x:y"]', "args", [RUN], ["shell-entrypoint"]),
        ('ENTRYPOINT ["/bin/sh", "-c"]\nCMD ["lastcall run x:y"]', "args", [f"exec {RUN}"], []),
        (ENTRY, "command", ["sh", "-c", RUN], ["shell-entrypoint"]),
        (ENTRY, "args", ["run", "orders:worker", "--drain-timeout", "70"], ["grace-too-short"]),
        (f'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nENTRYPOINT {RUN}', "env", None, []),
    ],
)
def test_what_really_runs_is_judged(text: str, path: str, value: object, findings: list[str]) -> None:
    assert codes(checked(pod(path, value), images=(image(text),))) == findings


def test_a_new_entrypoint_leaves_out_what_its_base_started() -> None:
    text = f'FROM x AS base\nCMD {RUN}\nFROM base\nENTRYPOINT ["lastcall", "run", "orders:worker"]'
    assert image(text).command == ("lastcall", "run", "orders:worker")
    assert image(f'{text}\nCMD ["--prefetch", "5"]').command[3:] == ("--prefetch", "5")


def test_a_value_of_the_build_is_said_to_be_unknown() -> None:
    report = checked(SILENT, images=(image("ARG D=70\nENV LASTCALL_DRAIN_TIMEOUT=$D\n" + ENTRY),))
    assert codes(report) == []
    assert is_said(report, "a variable of the image's build")


def test_an_image_of_something_else_is_under_no_worker() -> None:
    web = image('STOPSIGNAL SIGQUIT\nENTRYPOINT ["nginx"]', "web/Dockerfile")
    assert codes(checked(container("image", "orders:1"), images=(web,))) == []


def test_of_several_images_the_one_of_that_name_is_under_a_pod() -> None:
    both = (image(LATE + ENTRY, "Dockerfile.late"), image(ENTRY, "Dockerfile.orders"))
    named = container("args", ["run", "orders:worker"], SILENT)
    assert codes(checked(pod("image", "registry:5000/shop/orders:2@sha256:1", named), images=both)) == []
    assert codes(checked(pod("image", "registry:5000/shop/late", named), images=both)) == ["grace-too-short"]


def test_which_image_it_is_is_said_to_be_unknown_where_it_cannot_be_told() -> None:
    both = (image(LATE + ENTRY, "a/Dockerfile"), image(f"CMD {RUN}", "b/Dockerfile"))
    report = checked(container("image", "orders:1"), images=both)
    assert codes(report) == []
    assert is_said(report, "the settings in a/Dockerfile")
    assert is_said(report, "what b/Dockerfile: CMD starts: every container has a command of its own")
    other = spoiled(container("image", "mails:1"), "metadata.name", "mails")
    assert codes(checked(container("image", "orders:1"), other, images=(image(LATE + ENTRY, "Dockerfile"),))) == []


@pytest.mark.parametrize("text", [ENTRY, LATE + ENTRY, f"CMD {RUN}\nENV LASTCALL_PREFETCH=5"])
def test_a_stranger_beside_the_workers_image_is_not_judged_and_that_is_said(text: str) -> None:
    database = spoiled(pod("image", "postgres:16"), "kind", "StatefulSet")
    broker = {"services": {"rabbitmq": {"image": "rabbitmq:4"}}}
    for document, name in ((database, "Dockerfile.postgres"), (broker, "Dockerfile.rabbitmq")):
        report = checked(document, images=(image(text, "Dockerfile"),))
        assert {each.where.source for each in report.findings} <= {"Dockerfile"}
        assert is_said(report, f"nothing says whether its image is that of Dockerfile: let its command name {TARGET}")
        assert is_said(report, name)


def test_the_only_image_of_the_worker_is_under_all_that_share_it_where_one_names_the_worker() -> None:
    named = container("args", ["run", "orders:worker"], SILENT)
    silent = spoiled(SILENT, "metadata.name", "others")
    report = checked(named, silent, images=(image(LATE + ENTRY, "Dockerfile"),))
    assert codes(report) == ["grace-too-short"] * 2


def test_a_sidecar_of_another_image_stays_what_it_is() -> None:
    sidecar = {"name": "proxy", "image": "envoy:1"}
    both = [*SILENT["spec"]["template"]["spec"]["containers"], sidecar]
    with_sidecar = spoiled(SILENT, "spec.template.spec.containers", both)
    named = spoiled(with_sidecar, "spec.template.spec.containers.0.args", ["run", "orders:worker"])
    assert codes(checked(named, images=(image(LATE + ENTRY),))) == ["grace-too-short"]


def test_another_program_of_the_workers_image_is_no_worker() -> None:
    web = spoiled(container("command", ["gunicorn", "shop"], SILENT), "metadata.name", "web")
    report = checked(container("args", ["run", "orders:worker"], SILENT), web, images=(image(LATE + ENTRY),))
    assert codes(report) == ["grace-too-short"]


@pytest.mark.parametrize(
    ("build", "findings"),
    [
        (".", ["grace-too-short"]),
        ({"context": "."}, ["grace-too-short"]),
        ({"context": "..", "dockerfile": "app/Dockerfile"}, ["grace-too-short"]),
        ({"context": ".", "dockerfile": "Dockerfile.web"}, []),
        ("https://host/repository.git", []),
    ],
)
def test_compose_says_which_dockerfile_it_builds(build: object, findings: list[str]) -> None:
    assert codes(composed(image(LATE + ENTRY, "app/Dockerfile"), build=build)) == findings


def test_a_context_that_is_written_from_the_root_on_is_the_same() -> None:
    build = {"context": str(Path.cwd() / "app"), "dockerfile": "Dockerfile"}
    assert codes(composed(image(LATE + ENTRY, "app/Dockerfile"), build=build)) == ["grace-too-short"]


STAGES = f"FROM x AS Prod\nENTRYPOINT {RUN}\nFROM x AS dev\n{ENTRY}"


@pytest.mark.parametrize(
    ("stage", "findings"), [("prod", ["shell-entrypoint"]), ("PROD", ["shell-entrypoint"]), ("dev", []), (None, [])]
)
def test_compose_says_which_stage_of_it_it_builds(stage: object, findings: list[str]) -> None:
    report = composed(image(STAGES, "app/Dockerfile"), build={"context": ".", "target": stage})
    assert codes(report) == findings
    assert not is_said(report, "the image of")


@pytest.mark.parametrize("told", [{"target": "test"}, {"target": "${STAGE}"}, {"dockerfile_inline": "FROM x"}])
def test_an_image_that_compose_builds_of_what_was_not_read_is_said_to_be_unknown(told: dict[str, Any]) -> None:
    report = composed(image(STAGES, "app/Dockerfile"), build={"context": ".", **told}, command=RUN)
    assert codes(report) == []
    assert is_said(report, "the image of app/compose.yml: services.w")


@pytest.mark.parametrize(
    ("text", "told", "findings"),
    [
        (f"ENTRYPOINT {RUN}", {"entrypoint": [], "command": RUN}, []),
        (f"ENTRYPOINT {RUN}", {"entrypoint": "", "command": RUN}, []),
        (f"ENTRYPOINT {RUN}", {"entrypoint": None, "command": RUN}, ["shell-entrypoint"]),
        (f'ENTRYPOINT ["tini"]\nCMD {RUN}', {"entrypoint": []}, ["shell-entrypoint"]),
        (
            f'ENTRYPOINT ["sh", "-c", "exec {RUN}"]',
            {"entrypoint": [], "command": f"sh -c '{RUN}'"},
            ["shell-entrypoint"],
        ),
    ],
)
def test_an_empty_entrypoint_in_compose_clears_the_images(text: str, told: dict[str, Any], findings: list[str]) -> None:
    assert codes(composed(image(text, "app/Dockerfile"), build=".", **told)) == findings


def test_a_cmd_that_an_empty_entrypoint_brings_back_is_said_to_be_unknown() -> None:
    both = image(f'ENTRYPOINT sh\nCMD ["sh", "-c", "{RUN}"]', "app/Dockerfile")
    assert is_said(composed(both, build=".", entrypoint=[]), "its entrypoint is empty")


def test_good_manifests_over_a_good_image_are_fine() -> None:
    assert codes(checked(GOOD, images=(image(ENTRY),))) == []
