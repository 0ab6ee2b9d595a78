"""A value is held to with its variables filled in; one that nobody here can fill in is said to be unknown."""

from collections.abc import Mapping
from typing import Any

import pytest

from consumer.check.finding import Report
from tests.check.subjects import checked, codes, container, the

PLAIN = container("livenessProbe", None, container("env", None))
RUN = "lastcall run orders:worker"
DRAIN = "LASTCALL_DRAIN_TIMEOUT"
DIRECT = ["lastcall", "run", "orders:worker", "--drain-timeout"]


def pod(command: list[str], *env: tuple[str, str]) -> Report:
    """A pod of 60 s of grace; from a drain timeout of 60 s on it is too short."""
    bare = container("args", None, container("command", command, PLAIN))
    return checked(container("env", [{"name": name, "value": value} for name, value in env], bare))


def service(**told: Any) -> Report:
    """A service of 60 s of grace."""
    return checked({"services": {"w": {"stop_grace_period": "60s", "command": RUN, **told}}})


def is_unknown(report: Report, name: str = DRAIN) -> bool:
    """Whether nothing was found, and the setting's value is said to be unknown."""
    return codes(report) == [] and any(each.what.startswith(f"{name} of") for each in report.unchecked)


@pytest.mark.parametrize(
    ("command", "env"),
    [
        ([*DIRECT, "$(D)"], [("D", "70")]),
        ([RUN.split(maxsplit=1)[0], *RUN.split()[1:]], [("D", "70"), (DRAIN, "$(D)")]),
        (["sh", "-c", f"exec {RUN} --drain-timeout $D"], [("D", "70")]),
        (["sh", "-c", f"exec {RUN} --drain-timeout=${{D}}"], [("D", "70")]),
        (["sh", "-c", f"D=70; exec {RUN} --drain-timeout $D"], []),
        (["sh", "-c", f"exec {RUN} --drain-timeout 70;"], []),
        (["sh", "-c", f"exec {RUN} --drain-timeout 70 2>&1"], []),
        (["env", f"{DRAIN}=70", *RUN.split()], []),
        (["sh", "-c", f"export {DRAIN}=70; exec {RUN}"], []),
        (["sh", "-c", f"{DRAIN}=70; export {DRAIN}; exec {RUN}"], []),
        (["sh", "-c", f"{DRAIN}=70 exec {RUN}"], []),
        (["sh", "-c", f"exec env {DRAIN}=70 {RUN}"], [(DRAIN, "20")]),
        (["sh", "-c", "exec lastcall run --drain-timeout 70 orders:worker"], []),
    ],
)
def test_a_value_that_can_be_filled_in_is_held_to(command: list[str], env: list[tuple[str, str]]) -> None:
    assert "a drain timeout of 70 s" in the("grace-too-short", pod(command, *env)).what


@pytest.mark.parametrize(
    ("command", "env"),
    [
        ([*DIRECT, "$(D)"], []),
        ([*DIRECT, "$$(D)"], [("D", "70")]),
        (RUN.split(), [(DRAIN, "$(D)")]),
        (["sh", "-c", f"exec {RUN} --drain-timeout $D"], []),
        (["sh", "-c", f"exec {RUN} --drain-timeout ${{D:-70}}"], []),
        (["sh", "-c", f"exec {RUN} --drain-timeout `cat /drain`"], []),
        (["sh", "-c", f"if a; then export {DRAIN}=70; fi; exec {RUN}"], []),
        (["sh", "-c", f"if a; then exec {RUN} --drain-timeout 70; else exec {RUN}; fi"], []),
    ],
)
def test_a_value_that_cannot_is_said_to_be_unknown(command: list[str], env: list[tuple[str, str]]) -> None:
    assert is_unknown(pod(command, *env))


@pytest.mark.parametrize(
    "script",
    [
        f"wait-for --drain-timeout 70; exec {RUN}",
        f"exec wait-for --drain-timeout 70 -- {RUN}",
        f"celery worker --concurrency=auto & exec {RUN}",
    ],
)
def test_another_commands_flags_are_not_ours(script: str) -> None:
    assert codes(pod(["sh", "-c", script])) == []


def test_a_password_with_a_variable_in_it_is_no_wrong_address() -> None:
    assert codes(pod(RUN.split(), ("LASTCALL_AMQP_URL", "amqp://u:p@rabbit:$(PORT)/"))) == []


@pytest.mark.parametrize(
    "told",
    [
        {"command": f"{RUN} --drain-timeout ${{D:-70}}"},
        {"command": [*DIRECT, "${D-70}"]},
        {"environment": {DRAIN: "${A:-${B:-70}}"}},
        {"command": f"sh -c 'exec {RUN} --drain-timeout $$D'", "environment": {"D": 70}},
        {"command": "${RUN:-lastcall run orders:worker --drain-timeout 70}"},
    ],
)
def test_composes_defaults_are_filled_in(told: Mapping[str, Any]) -> None:
    assert "a drain timeout of 70 s" in the("grace-too-short", service(**told)).what


@pytest.mark.parametrize("value", ["$D", "${D}", "${D:?needed}", "${D?needed}", "${D:+70}", "${A:-${B}}", "$$D"])
def test_a_value_without_a_default_is_said_to_be_unknown(value: str) -> None:
    assert is_unknown(service(command=f"sh -c 'exec {RUN} --drain-timeout {value}'"))
    if value != "$$D":  # which is no variable of Compose's: the worker gets it as it is
        assert is_unknown(service(environment={DRAIN: value}))


@pytest.mark.parametrize("given", ["TERM", 15, "15", "sigterm", "${S:-SIGTERM}", "SIGTERM", "INT"])
def test_compose_takes_a_signal_by_any_of_its_names(given: object) -> None:
    assert codes(service(stop_signal=given)) == []


@pytest.mark.parametrize("given", ["KILL", 9, "sigquit", "${S:-HUP}"])
def test_a_signal_that_does_not_drain_is_found_by_any_of_its_names(given: object) -> None:
    the("stop-signal", service(stop_signal=given))


def test_a_signal_that_compose_takes_from_elsewhere_is_said_to_be_unknown() -> None:
    assert is_unknown(service(stop_signal="${S}"), "stop_signal")


def test_a_place_whose_settings_are_refused_is_looked_at_all_the_same() -> None:
    report = pod(["sh", "-c", RUN], (DRAIN, "soon"))
    assert set(codes(report)) == {"wrong-setting", "shell-entrypoint"}
    assert "pods" not in [each.what for each in report.unchecked]


def test_a_file_for_a_setting_that_is_no_secret_is_no_setting() -> None:
    the("unknown-setting", pod(RUN.split(), (f"{DRAIN}_FILE", "/run/drain")))
    assert codes(pod(RUN.split(), ("LASTCALL_AMQP_URL_FILE", "/run/url"))) == []
