"""A probe must not kill a worker that drains, waits for its broker, or is quiet."""

import pytest

from tests.check.subjects import GOOD, checked, codes, container, the


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/readyz", "liveness-kills-drain"),
        ("/readyz/", "liveness-kills-drain"),
        ("/readyz?full=1", "liveness-kills-drain"),
        ("/startupz", "liveness-kills-drain"),
        ("/statusz", "liveness-blind"),
        ("/metrics", "liveness-blind"),
    ],
)
def test_liveness_is_to_ask_livez(path: str, code: str) -> None:
    assert the(code, checked(container("livenessProbe.httpGet.path", path))).where.field.endswith("httpGet.path")


def test_livez_is_fine() -> None:
    assert codes(checked(GOOD)) == []


@pytest.mark.parametrize(("failures", "findings"), [(3, []), (2, ["liveness-hasty"]), (1, ["liveness-hasty"])])
def test_liveness_is_to_outlast_a_drain(failures: int, findings: list[str]) -> None:
    assert codes(checked(container("livenessProbe.failureThreshold", failures))) == findings


@pytest.mark.parametrize(("failures", "findings"), [(31, []), (30, ["startup-hasty"])])
def test_the_startup_probe_is_to_outlast_the_connect_timeout(failures: int, findings: list[str]) -> None:
    assert codes(checked(container("startupProbe.failureThreshold", failures))) == findings


@pytest.mark.parametrize("probe", [{"exec": {"command": ["true"]}}, {"tcpSocket": {"port": 1}}, {"httpGet": {}}])
def test_what_another_probe_asks_is_said_to_be_unknown(probe: object) -> None:
    report = checked(container("livenessProbe", probe))
    assert codes(report) == []
    assert any("liveness probe" in each.what for each in report.unchecked)
