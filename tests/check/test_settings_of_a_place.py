"""Each place is held to the settings that the worker has there: environment, ConfigMaps, flags."""

from typing import Any

import pytest

from consumer import Settings
from consumer.check.finding import Where
from consumer.check.links import service_links
from consumer.check.subject import Launch
from consumer.settings_sources import secret_fields
from tests.check.subjects import GOOD, checked, codes, container, the, worker

CONFIG: dict[str, Any] = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"LASTCALL_DRAIN_TIMEOUT": "69"}}
FROM_CONFIG: dict[str, Any] = {
    "name": "LASTCALL_DRAIN_TIMEOUT",
    "valueFrom": {"configMapKeyRef": {"name": "c", "key": "LASTCALL_DRAIN_TIMEOUT"}},
}
PLAIN = container("livenessProbe", None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("env", [{"name": "LASTCALL_DRAIN_TIMEOUT", "value": "70"}]),
        ("env", [{"name": "LASTCALL_DRAIN_TIMEOUT", "value": 70}]),
        ("args", ["run", "orders:worker", "--drain-timeout", "70"]),
        ("args", ["run", "orders:worker", "--drain-timeout=70"]),
        ("command", ["sh", "-c", "exec lastcall run orders:worker --drain-timeout 70"]),
    ],
)
def test_a_drain_timeout_is_found_in_environment_and_flags(path: str, value: object) -> None:
    found = the("grace-too-short", checked(container(path, value, PLAIN)))
    assert "a drain timeout of 70 s" in found.what


@pytest.mark.parametrize(("path", "value"), [("envFrom", [{"configMapRef": {"name": "c"}}]), ("env", [FROM_CONFIG])])
def test_a_config_map_of_the_same_manifests_is_read(path: str, value: object) -> None:
    spoiled = container("env", None, PLAIN)
    found = the("grace-too-short", checked(CONFIG, container(path, value, spoiled)))
    assert "a drain timeout of 69 s" in found.what


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("envFrom", [{"secretRef": {"name": "c"}}]),
        ("env", [{**FROM_CONFIG, "valueFrom": {"secretKeyRef": FROM_CONFIG["valueFrom"]["configMapKeyRef"]}}]),
    ],
)
@pytest.mark.parametrize(("held", "value_there"), [("data", "Njk="), ("stringData", "69")])
def test_a_secret_of_the_same_manifests_is_read_too(path: str, value: object, held: str, value_there: str) -> None:
    there = {"kind": "Secret", "metadata": {"name": "c"}, held: {"LASTCALL_DRAIN_TIMEOUT": value_there}}
    found = the("grace-too-short", checked(there, container(path, value, container("env", None, PLAIN))))
    assert "a drain timeout of 69 s" in found.what


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("envFrom", [{"configMapRef": {"name": "elsewhere"}}], "ConfigMap elsewhere"),
        ("envFrom", [{"secretRef": {"name": "elsewhere"}}], "Secret elsewhere"),
        ("env", [FROM_CONFIG], "ConfigMap c"),
        ("env", [{"name": "LASTCALL_PREFETCH", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}], "what valueFrom names"),
    ],
)
def test_a_value_that_is_elsewhere_is_said_to_be_unknown(path: str, value: object, told: str) -> None:
    assert any(told in each.why for each in checked(container(path, value)).unchecked)


@pytest.mark.parametrize(
    "environment", [{"LASTCALL_PREFETCH": None}, ["LASTCALL_PREFETCH"], {"LASTCALL_PREFETCH": "$P"}]
)
def test_a_value_that_compose_takes_from_elsewhere_is_said_to_be_unknown(environment: object) -> None:
    report = checked({"services": {"w": {"stop_grace_period": "40s", "environment": environment}}})
    assert codes(report) == []
    assert any(each.what.startswith("LASTCALL_PREFETCH of") for each in report.unchecked)


def test_what_the_manifests_do_not_say_is_as_the_check_was_told() -> None:
    report = checked(container("env", None, PLAIN), of=worker(settings=Settings(drain_timeout=80)))
    assert "a drain timeout of 80 s" in the("grace-too-short", report).what


def test_the_worker_that_is_looked_at_keeps_its_own_settings() -> None:
    looked_at = worker()
    checked(GOOD, of=looked_at)
    assert looked_at.settings.drain_timeout == 25


def test_a_config_map_of_another_namespace_is_another_one() -> None:
    elsewhere = {**CONFIG, "metadata": {"name": "c", "namespace": "elsewhere"}}
    report = checked(elsewhere, container("envFrom", [{"configMapRef": {"name": "c"}}], container("env", None, PLAIN)))
    assert codes(report) == []
    assert any("ConfigMap c" in each.what for each in report.unchecked)


def test_a_value_that_the_worker_would_refuse_breaks_the_promise() -> None:
    found = the("wrong-setting", checked(container("env", [{"name": "LASTCALL_DRAIN_TIMEOUT", "value": "soon"}])))
    assert "LASTCALL_DRAIN_TIMEOUT" in found.what


def test_a_misspelt_variable_is_warned_of_with_the_right_one() -> None:
    env = [{"name": "LASTCALL_DRAIN_TIMOUT", "value": "50"}, {"name": "LASTCALL_AMQP_URL_FILE", "value": "/run/url"}]
    found = the("unknown-setting", checked(container("env", env)))
    assert "Did you mean LASTCALL_DRAIN_TIMEOUT?" in found.what


LINKS = {
    "LASTCALL_SERVICE_HOST": "10.0.0.1",
    "LASTCALL_SERVICE_PORT": "8080",
    "LASTCALL_PORT": "tcp://10.0.0.1:8080",
    "LASTCALL_PORT_8080_TCP": "tcp://10.0.0.1:8080",
    "LASTCALL_HEALTH_SERVICE_HOST": "10.0.0.2",
    "LASTCALL_HEALTH_SERVICE_PORT": "8080",
    "LASTCALL_HEALTH_SERVICE_PORT_HTTP": "8080",
    "LASTCALL_HEALTH_PORT": "tcp://10.0.0.2:8080",
    **{f"LASTCALL_HEALTH_PORT_8080_TCP_{each}": "x" for each in ("PROTO", "PORT", "ADDR")},
}


def test_what_kubernetes_gives_for_a_service_is_no_misspelt_setting() -> None:
    pod = Launch("process", Where("process 1"), ("lastcall", "run", "orders:worker"), environment=LINKS)
    assert codes(checked(process=pod)) == []


def test_a_name_that_looks_like_a_services_is_misspelt_where_there_is_no_such_service() -> None:
    report = checked(container("env", [{"name": "LASTCALL_HEALTH_PORT", "value": "8080"}], PLAIN))
    assert codes(report) == ["unknown-setting"]
    elsewhere = {"LASTCALL_SERVICE_HOST": "10.0.0.1", "LASTCALL_HELTH_PORT": "8080"}
    assert codes(checked(process=Launch("process", Where("process 1"), ("x",), environment=elsewhere))) == [
        "unknown-setting"
    ]


def test_no_setting_has_a_name_that_kubernetes_may_give_to_a_services_variable() -> None:
    """A Service in the namespace must not be able to change a worker, whatever it is called."""
    names = [*Settings.model_fields, *(f"{name}_file" for name in secret_fields(Settings))]
    for variable in (f"LASTCALL_{name.upper()}" for name in names):
        words = variable.split("_")
        services = {f"{'_'.join(words[:end])}_SERVICE_HOST" for end in range(1, len(words))}
        assert variable not in service_links({variable, *services})


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job"])
def test_every_kind_that_has_pods_is_looked_at(kind: str) -> None:
    assert codes(checked({**GOOD, "kind": kind})) == []
    assert not any(each.what == "pods" for each in checked({**GOOD, "kind": kind}).unchecked)


def test_a_pod_template_by_itself_is_looked_at() -> None:
    late = container("args", ["run", "orders:worker", "--drain-timeout", "70"], PLAIN)
    for document, findings in ((GOOD, []), (late, ["grace-too-short"])):
        report = checked({"kind": "PodTemplate", "metadata": {"name": "p"}, "template": document["spec"]["template"]})
        assert codes(report) == findings
        assert not any(each.what == "pods" for each in report.unchecked)


def test_pods_of_others_are_left_out_and_that_is_said() -> None:
    other = container("args", ["run", "mails:worker", "--drain-timeout", "70"])
    assert codes(checked(other)) == []
    assert any("mails:worker" in each.why for each in checked(other).unchecked)
    assert any(each.what == "pods" for each in checked(other).unchecked)


@pytest.mark.parametrize("command", [None, ["python", "app.py"]])
def test_a_container_that_does_not_say_what_it_runs_is_known_by_its_settings(command: object) -> None:
    bare = container("command", command, container("args", None, PLAIN))
    late = container("env", [{"name": "LASTCALL_DRAIN_TIMEOUT", "value": "70"}], bare)
    assert codes(checked(late)) == ["grace-too-short"]
