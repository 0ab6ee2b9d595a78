"""Compose files that make one project are merged as Compose does; of others it is said that they were not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.check.documents.composed import merged, projects
from consumer.check.finding import Report
from consumer.cli.check_parsing import documents
from consumer.cli.check_room import check
from consumer.cli.check_sources import read
from tests.check.subjects import TARGET, codes, the, worker

RUN = "lastcall run orders:worker"
LATE = {"LASTCALL_DRAIN_TIMEOUT": "70"}


def looked_at(directory: Path, *names: str, **services: dict[str, Any]) -> Report:
    """What is said of these files (the service of each is `w`), given by those names, or by their directory."""
    for name, service in services.items():
        text = yaml.safe_dump({"services": {"w": service}})
        (directory / f"{name.replace('_', '.')}.yml").write_text(text)
    sources = read([str(directory / f"{name}.yml") for name in names] or [str(directory)])
    return check(worker(), TARGET, sources, None, ask_broker=False, consumer_timeout=None)


def test_an_override_beside_its_base_is_merged(tmp_path: Path) -> None:
    report = looked_at(
        tmp_path, compose={"command": RUN}, compose_override={"environment": LATE, "stop_grace_period": "60s"}
    )
    found = the("grace-too-short", report)
    assert "60 s for a drain timeout of 70 s" in found.what
    assert found.where.source == f"{tmp_path}/compose.yml, {tmp_path}/compose.override.yml"


def test_files_that_are_named_in_turn_are_merged(tmp_path: Path) -> None:
    files = {"base": {"command": RUN, "stop_grace_period": "9s"}, "prod": {"stop_grace_period": "40s"}}
    assert codes(looked_at(tmp_path, "base", "prod", **files)) == []
    assert codes(looked_at(tmp_path, "prod", "base", **files)) == ["grace-too-short"]


def test_which_of_a_directorys_other_files_belong_together_is_said_to_be_unknown(tmp_path: Path) -> None:
    report = looked_at(tmp_path, compose={"command": RUN}, compose_override={}, compose_prod={"environment": LATE})
    assert codes(report) == []
    assert any("compose.prod.yml has a part of it too" in each.why for each in report.unchecked)


def test_two_directories_are_two_projects(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "compose.yml").write_text(yaml.safe_dump({"services": {"w": {"command": RUN}}}))
    sources = read([str(tmp_path / name / "compose.yml") for name in "ab"])
    report = check(worker(), TARGET, sources, None, ask_broker=False, consumer_timeout=None)
    assert codes(report) == ["grace-too-short"] * 2


@pytest.mark.parametrize(
    ("over", "becomes"),
    [
        ("{}", {"command": "a b", "environment": {"A": "1", "B": "2"}, "build": {"context": "."}}),
        ("{command: [c]}", {"command": ["c"]}),
        ("{environment: {B: 3, C: 4}}", {"environment": {"A": "1", "B": 3, "C": 4}}),
        ("{environment: [B, C=4]}", {"environment": {"A": "1", "B": None, "C": "4"}}),
        ("{build: {dockerfile: D}}", {"build": {"context": ".", "dockerfile": "D"}}),
        ("{env_file: y}", {"env_file": {"x": None, "y": None}}),
        ("{environment: , env_file: }", {"environment": {"A": "1", "B": "2"}, "env_file": {"x": None}}),
        ("{command: }", {"command": None}),
        ("{environment: !override {C: 4}}", {"environment": {"C": 4}}),
        ("{environment: !override [C=4]}", {"environment": ["C=4"]}),
        ("{command: !reset null, environment: !reset null}", {"command": None, "environment": None}),
        ("{build: !reset {}, environment: !reset []}", {"build": None, "environment": None}),
    ],
)
def test_what_a_later_file_says_goes_before_or_beside_it(over: str, becomes: dict[str, Any]) -> None:
    service = {"command": "a b", "environment": ["A=1", "B=2"], "build": ".", "env_file": "x"}
    [document] = documents("compose.yml", f"services: {{w: {over}}}")
    both = merged(service, document.content["services"]["w"])
    assert {name: both.get(name) for name in becomes} == becomes
    assert both.keys() <= service.keys()


@pytest.mark.parametrize(
    ("over", "findings"),
    [
        ("{w: !reset null}", []),
        ("{w: !reset {}}", []),
        ("{w: !override {command: lastcall run orders:worker}}", ["grace-too-short"]),
        ("!override {w: {command: lastcall run orders:worker}}", ["grace-too-short"]),
        ("!override {x: {image: redis}}", []),
        ("{w: {command: lastcall run orders:worker}}", ["shell-entrypoint"]),
    ],
)
def test_a_whole_service_is_reset_or_overridden(tmp_path: Path, over: str, findings: list[str]) -> None:
    (tmp_path / "compose.override.yml").write_text(f"services: {over}")
    base = {"entrypoint": ["sh", "-c", RUN], "command": RUN, "stop_grace_period": "60s"}
    assert codes(looked_at(tmp_path, compose=base)) == findings


def test_services_that_are_alike_and_hold_themselves_are_told_apart() -> None:
    text = f"services: {{w: &w {{command: {RUN}, x: [*w]}}}}"
    assert len([*projects([*documents("compose.yml", text), *documents("compose.yml", text)])]) == 2


def test_a_service_that_a_later_file_leaves_empty_stays(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yml").write_text("services: {w: }")
    assert codes(looked_at(tmp_path, compose={"command": RUN, "stop_grace_period": "9s"})) == ["grace-too-short"]
