"""What runs is the image with what its container says over it: ENV, ENTRYPOINT, CMD and STOPSIGNAL count."""

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


def image(text: str, source: str = "Dockerfile") -> Launch:
    return launch(source, f"FROM python\n{text}\n")


def pod(path: str, value: object, document: dict[str, Any] = SILENT) -> dict[str, Any]:
    return container(path, value, document)


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
    assert "(by Dockerfile)" in found.what


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
    assert codes(checked(container("image", "orders:1"), other, images=(image(LATE + ENTRY),))) == []


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
    services = {"services": {"w": {"build": build, "stop_grace_period": "60s"}, "redis": {"image": "redis"}}}
    sources = Sources([Document("app/compose.yml", services)], [image(LATE + ENTRY, "app/Dockerfile")])
    report = check(worker(), TARGET, sources, None, ask_broker=False, consumer_timeout=None)
    assert codes(report) == findings


def test_good_manifests_over_a_good_image_are_fine() -> None:
    assert codes(checked(GOOD, images=(image(ENTRY),))) == []
