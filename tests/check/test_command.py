"""What `lastcall check` promises to who types it: exit codes for CI, JSON for machines, the mend for people."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from consumer.cli.app import app
from tests.check.subjects import GOOD, container, spoiled

NOBODY = "amqp://u:secret@127.0.0.1:1/"
"""Nothing listens there."""
BROKEN = spoiled(GOOD, "spec.template.spec.terminationGracePeriodSeconds", 10)
WARNED = container("livenessProbe.httpGet.path", "/metrics")

pytestmark = pytest.mark.usefixtures("here")


def check(*arguments: str, stdin: object = None) -> Result:
    given = None if stdin is None else yaml.safe_dump_all(stdin if isinstance(stdin, list) else [stdin])
    return CliRunner().invoke(app, ["check", "orders:worker", *arguments], input=given)


@pytest.mark.parametrize(
    ("manifest", "flags", "code"),
    [
        (GOOD, [], 0),
        (GOOD, ["--strict"], 0),
        (WARNED, [], 0),
        (WARNED, ["--strict"], 1),
        (BROKEN, [], 1),
    ],
)
def test_the_exit_code_is_for_ci(manifest: object, flags: list[str], code: int) -> None:
    assert check("--manifests", "-", *flags, stdin=manifest).exit_code == code


def test_a_person_reads_where_what_why_and_the_mend() -> None:
    done = check("--manifests", "-", stdin=[GOOD, BROKEN])
    shown = " ".join(done.stdout.split())
    for told in (
        "error grace-too-short stdin: Deployment/orders: spec.template.spec.terminationGracePeriodSeconds",
        "The grace period is 10 s for a drain timeout of 50 s",
        "Why: SIGKILL comes while handlers still run",
        "Mend: Raise terminationGracePeriodSeconds",
        "not checked",
        "orders:worker: 1 finding would break the promise, no warnings; 2 things could not be checked.",
    ):
        assert told in shown


def test_a_machine_reads_one_json_document() -> None:
    done = check("--manifests", "-", "--json", stdin=[BROKEN])
    told = json.loads(done.stdout)
    assert (told["target"], told["errors"], told["warnings"], told["trouble"]) == ("orders:worker", 1, 0, None)
    [finding] = told["findings"]
    assert set(finding) == {"code", "severity", "where", "what", "why", "mend"}
    assert set(finding["where"]) == {"source", "document", "field"}
    assert all({"what", "why"} == set(each) for each in told["unchecked"])


def test_without_broker_and_manifests_it_says_what_it_could_not_check() -> None:
    told = [each["what"] for each in json.loads(check("--json").stdout)["unchecked"]]
    assert told == ["the queues on the broker, and what its user may do", "how long charge may run", "the grace period"]


def test_a_broker_that_is_away_is_no_clean_bill() -> None:
    done = check("--amqp-url", NOBODY)
    assert done.exit_code == 2
    assert "can't be reached" in done.stderr
    assert "secret" not in done.output
    assert check("--amqp-url", NOBODY, "--no-broker").exit_code == 0


def test_a_broker_of_the_environment_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQP_URL", NOBODY)
    assert check().exit_code == 2


def test_what_is_broken_for_sure_goes_before_a_broker_that_is_away() -> None:
    assert check("--amqp-url", NOBODY, "--manifests", "-", stdin=[BROKEN]).exit_code == 1


def test_a_directory_is_read_with_its_dockerfiles_and_its_lists(here: Path) -> None:
    (here / "deploy" / "more").mkdir(parents=True)
    (here / "deploy" / "a.yaml").write_text(yaml.safe_dump_all([GOOD, None]))
    (here / "deploy" / "more" / "b.json").write_text(json.dumps({"kind": "List", "items": [BROKEN]}))
    (here / "deploy" / "Dockerfile").write_text("FROM x\nSTOPSIGNAL SIGQUIT\nCMD lastcall run orders:worker\n")
    (here / "deploy" / "notes.txt").write_text("{")
    done = check("--manifests", "deploy", "--json")
    findings = {(each["code"], each["where"]["source"]) for each in json.loads(done.stdout)["findings"]}
    assert findings == {("grace-too-short", "deploy/more/b.json"), ("stop-signal", "deploy/Dockerfile")}


def test_a_kustomization_that_is_not_rendered_is_said_to_be(here: Path) -> None:
    (here / "kustomization.yaml").write_text("resources: [a.yaml]")
    told = json.loads(check("--manifests", ".", "--json").stdout)["unchecked"]
    assert any("kubectl kustomize" in each["why"] for each in told)


@pytest.mark.parametrize(
    ("text", "told"), [("{{ .Values.x }}", "helm template"), (None, "can't be read"), ("\x00", "is no YAML")]
)
def test_a_manifest_that_cannot_be_read_is_a_usage_error(here: Path, text: str | None, told: str) -> None:
    if text is not None:
        (here / "m.yaml").write_text(text)
    done = check("--manifests", "m.yaml")
    assert (done.exit_code, told in done.stderr) == (2, True), done.output


def test_without_pyyaml_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    done = CliRunner().invoke(app, ["check", "orders:worker", "--manifests", "-"], input="a: 1")
    assert (done.exit_code, "lastcall[check]" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "document", ["just text", [1, 2], {"kind": 7}, {"kind": "Deployment"}, {"kind": "Deployment", "spec": []}]
)
def test_documents_of_any_shape_are_read(document: object) -> None:
    assert check("--manifests", "-", stdin=[document, GOOD]).exit_code == 0


def test_a_wrong_worker_is_a_usage_error() -> None:
    done = CliRunner().invoke(app, ["check", "orders:wroker"])
    assert (done.exit_code, "Did you mean 'worker'?" in done.stderr) == (2, True)
