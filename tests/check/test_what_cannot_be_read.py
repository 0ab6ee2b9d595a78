"""What cannot be read is told without showing it and without a traceback; whatever can be is read all the same."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer.check.documents.document import finite
from consumer.cli.check_parsing import Unreadable, documents
from consumer.cli.check_sources import read
from tests.check.subjects import GOOD, checked, codes, container, spoiled
from tests.check.test_command import BROKEN, check

HUGE = int("9" * 4000)

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Secret\nstringData: {password: hunter2, x: ]\n",
        "kind: Secret\nstringData:\n  password: hunter2: x\n",
        "password: *hunter2\n",
        "password: !!int hunter2\n",
        "password: !!timestamp 2020-99-99hunter2\n",
    ],
)
def test_a_secret_that_is_no_yaml_is_not_shown(text: str) -> None:
    with pytest.raises(Unreadable) as raised:
        documents("secret.yaml", text)
    assert "hunter2" not in str(raised.value)


def test_where_it_is_wrong_is_told() -> None:
    with pytest.raises(Unreadable, match="line 2, column 4"):
        documents("m.yaml", "a: 1\nb: : 2\n")
    with pytest.raises(Unreadable, match=r"no JSON .*line 2, column 1"):
        documents("m.json", "{\n'a'}")


@pytest.mark.parametrize("text", ['x: !!int ""', 'x: !!float "_"', "x: !!bool maybe"])
def test_a_value_that_is_not_what_its_tag_says_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(Unreadable, match="not what its type says"):
        documents("m.yaml", text)


def test_a_name_that_is_too_long_for_a_file_is_told_in_a_sentence() -> None:
    with pytest.raises(Unreadable, match="can't be read"):
        read(["x" * 300])


@pytest.mark.parametrize("name", ["a\\0b", "x" * 300, "\\ud800"])
def test_a_patch_with_a_name_that_no_file_has_hides_nothing(here: Path, name: str) -> None:
    (here / "deploy").mkdir()
    (here / "deploy" / "kustomization.yaml").write_text(f'patches: [{{path: "{name}"}}]')
    (here / "deploy" / "m.json").write_text("{}")
    assert len(read(["deploy"]).documents) == 1


def test_a_file_that_is_named_beside_its_directory_is_read_once(here: Path) -> None:
    (here / "deploy").mkdir()
    (here / "deploy" / "compose.yml").write_text("services: {}")
    file = "deploy/compose.yml"
    for paths in ([file, "deploy"], ["deploy", file], [file, f"./{file}"], [file, str(here / "deploy"), "deploy"]):
        assert [each.named for each in read(paths).documents] == [True]
    assert len(read(["deploy", str(here / "deploy")]).documents) == 1


def test_a_dockerfile_by_two_names_makes_two_images(here: Path) -> None:
    (here / "Dockerfile").write_text("FROM x")
    (here / "Dockerfile.orders").symlink_to("Dockerfile")
    assert len(read([str(here), "Dockerfile"]).images) == 2


@pytest.mark.parametrize("text", ["a: " + "[" * 3000 + "]" * 3000, "a: " + "9" * 5000, "a: 2020-99-99"])
def test_what_python_refuses_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(Unreadable):
        documents("m.yaml", text)
    with pytest.raises(Unreadable):
        documents("m.json", text.removeprefix("a: "))


def test_a_list_that_holds_itself_is_read_once() -> None:
    [only] = documents("m.yaml", "kind: List\nitems: &i\n  - {kind: List, items: *i}\n  - {kind: Pod}\n")
    assert only.kind == "Pod"


def test_tags_of_others_are_read_as_if_they_were_not_there() -> None:
    [found] = documents("compose.yaml", "services: {w: {ports: !reset [], x: !Ref y, z: !reset null, m: !m {a: 1}}}")
    assert found.content["services"]["w"] == {"ports": [], "x": "y", "z": [], "m": {"a": 1}}


@pytest.mark.parametrize(
    "text", [json.dumps([BROKEN]), json.dumps({"kind": "DeploymentList", "items": [{**BROKEN, "kind": "Deployment"}]})]
)
def test_lists_of_either_kind_are_looked_into(text: str) -> None:
    for name in ("m.yaml", "m.json"):
        assert [each.kind for each in documents(name, text)] == ["Deployment"]


def test_what_a_list_holds_has_the_kind_that_the_list_says() -> None:
    nameless = {key: value for key, value in BROKEN.items() if key != "kind"}
    [found] = documents("m.json", json.dumps({"kind": "DeploymentList", "items": [nameless]}))
    assert found.kind == "Deployment"


def test_json_may_have_tabs() -> None:
    assert documents("m.json", '{\n\t"kind": "Pod"}')[0].kind == "Pod"


def test_a_file_of_a_directory_that_cannot_be_read_does_not_hide_the_others(here: Path) -> None:
    (here / "deploy").mkdir()
    (here / "deploy" / "chart.yaml").write_text("{{ .Values.x }}")
    (here / "deploy" / "latin.yaml").write_bytes(b"a: \xe9")
    (here / "deploy" / "orders.json").write_text(json.dumps(BROKEN))
    done = check("--manifests", "deploy", "--json")
    told = json.loads(done.stdout)
    assert [each["code"] for each in told["findings"]] == ["grace-too-short"]
    assert {"deploy/chart.yaml", "deploy/latin.yaml"} <= {each["what"] for each in told["unchecked"]}


def test_hidden_and_vendored_directories_are_left_out(here: Path) -> None:
    for name in (".git", ".venv/lib", "node_modules/x", "deploy"):
        (here / name).mkdir(parents=True)
        (here / name / "m.json").write_text("{}")
    assert [each.source for each in read([str(here)]).documents] == [str(here / "deploy" / "m.json")]


def test_no_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Unreadable, match="no standard input"):
        read(["-"])


def test_a_terminal_without_unicode_is_written_to_all_the_same(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    (here / "m.json").write_text(json.dumps(spoiled(BROKEN, "metadata.name", "bestellungen-\u00e4\ud800")))
    from consumer.cli.app import app  # noqa: PLC0415 - as `lastcall` does

    with pytest.raises(SystemExit) as ended:
        app(["check", "orders:worker", "--manifests", "m.json"])
    sys.stdout.flush()
    assert ended.value.code == 1
    assert b"bestellungen-?" in raw.getvalue()


@pytest.mark.parametrize("number", [True, float("nan"), float("inf"), HUGE, -HUGE, "5", None, [1]])
def test_what_is_no_number_that_can_be_meant_is_none(number: object) -> None:
    assert finite(number) is None


@pytest.mark.parametrize("number", [True, float("nan"), float("inf"), HUGE, "5", [5]])
@pytest.mark.parametrize(
    "path", ["livenessProbe.failureThreshold", "startupProbe.periodSeconds", "lifecycle.preStop.sleep.seconds"]
)
def test_numbers_of_any_kind_may_stand_in_a_container(path: str, number: Any) -> None:
    assert set(codes(checked(container(path, number)))) <= {"prestop", "liveness-hasty", "startup-hasty"}


@pytest.mark.parametrize("number", [True, float("nan"), HUGE, "60"])
def test_a_grace_period_that_is_no_number_is_said_to_be_unknown(number: Any) -> None:
    report = checked(spoiled(GOOD, "spec.template.spec.terminationGracePeriodSeconds", number))
    assert codes(report) == []
    assert any(
        each.what.startswith("the grace period of Deployment/orders") or "grace" in each.what
        for each in report.unchecked
    )


def test_a_quote_that_is_never_closed_is_read_as_words() -> None:
    service = {"stop_grace_period": "40s", "command": "lastcall run orders:worker 'x"}
    assert codes(checked({"services": {"w": service}})) == []
