"""What a Secret of the manifests holds is held to, and never shown, whatever is wrong with it or with what uses it."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from consumer.check.finding import Report
from tests.check.subjects import checked, codes, container, the

DRAIN = "LASTCALL_DRAIN_TIMEOUT"
RUN = "lastcall run orders:worker"
OF_SECRET = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "s", "key": "T"}}}
BARE = container("livenessProbe", None, container("env", None))
WITH_ALL = container("envFrom", [{"secretRef": {"name": "s"}}], BARE)


def secret(**held: Mapping[str, str]) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "s"}, **held}


def pod(value: str, command: list[str], *env: dict[str, Any]) -> Report:
    """A pod whose variable T is that of the Secret."""
    started = container("args", None, container("command", command, BARE))
    return checked(secret(stringData={"T": value}), container("env", [OF_SECRET, *env], started))


@pytest.mark.parametrize(
    ("command", "env"),
    [
        (["lastcall", "run", "orders:worker"], [{"name": DRAIN, "value": "$(T)"}]),
        (["lastcall", "run", "orders:worker"], [{"name": "U", "value": "1$(T)"}, {"name": DRAIN, "value": "$(U)"}]),
        (["sh", "-c", f"exec {RUN} --drain-timeout $T"], []),
        (["sh", "-c", f"export {DRAIN}=$T; exec {RUN}"], []),
    ],
)
def test_a_setting_that_is_refused_is_named_without_its_value(command: list[str], env: list[dict[str, Any]]) -> None:
    report = pod("hunter2", command, *env)
    assert f"{DRAIN}): what a Secret holds is refused" in the("wrong-setting", report).what
    assert "hunter2" not in str(report)


def test_what_is_wrong_beside_it_is_told_with_its_value() -> None:
    report = checked(
        secret(stringData={DRAIN: "hunter2"}),
        container("env", [{"name": "LASTCALL_PREFETCH", "value": "-7"}], WITH_ALL),
    )
    assert codes(report) == ["wrong-setting", "wrong-setting"]
    assert "'-7' was given" in str(report)
    assert "hunter2" not in str(report)


@pytest.mark.parametrize(
    "command",
    [["sh", "-c", "$(T) go"], ["sh", "/x/$(T)"], ["sh", "-c", "$(U) go"], ["$(T).sh"], ["sh", "-c", "go $(T)"]],
)
def test_a_command_line_is_shown_without_it(command: list[str]) -> None:
    report = pod("hunter2", command, {"name": "U", "value": "$(T)"}, {"name": "LASTCALL_PREFETCH", "value": "1"})
    assert "hunter2" not in str(report)
    assert any("by a shell" in each.what for each in report.findings) or any("does" in e.what for e in report.unchecked)


@pytest.mark.parametrize("held", ["<path:vault#x>", b64encode(b"\xff").decode()])
@pytest.mark.parametrize("own", [WITH_ALL, container("env", [{**OF_SECRET, "name": DRAIN}], BARE)])
def test_a_value_that_cannot_be_decoded_is_said_to_be_unknown(held: str, own: dict[str, Any]) -> None:
    report = checked(secret(data={DRAIN: held, "T": held}), own)
    assert codes(report) == []
    assert [each.why for each in report.unchecked if each.what.startswith(f"{DRAIN} of")] == [
        "its value is in what fills in Secret s, which was not given"
    ]


def test_what_the_container_says_itself_is_known_all_the_same() -> None:
    own = container("env", [{"name": DRAIN, "value": "70"}], WITH_ALL)
    report = checked(secret(data={DRAIN: "<path:vault#x>"}), own)
    assert "70 s" in the("grace-too-short", report).what
    assert not any(each.what.startswith(DRAIN) for each in report.unchecked)


@pytest.mark.parametrize("held", ["MzAw\n", "Mz\r\nAw"])
def test_newlines_in_what_is_encoded_are_none_of_it(held: str) -> None:
    assert "a drain timeout of 300 s" in the("grace-too-short", checked(secret(data={DRAIN: held}), WITH_ALL)).what
