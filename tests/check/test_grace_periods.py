"""A grace period must hold the drain and the exit, with room; what eats it is told; so are handlers that outlast it."""

import pytest

from tests.check.subjects import GOOD, checked, codes, container, spoiled, the, worker

GRACE = "spec.template.spec.terminationGracePeriodSeconds"
COMPOSE = {"services": {"worker": {"command": ["run", "orders:worker"], "stop_grace_period": "35s"}}}


def test_a_period_with_room_is_fine() -> None:
    assert codes(checked(GOOD)) == []


@pytest.mark.parametrize("seconds", [10, 50, 50.5])
def test_one_that_ends_before_drain_and_exit_breaks_the_promise(seconds: float) -> None:
    found = the("grace-too-short", checked(spoiled(GOOD, GRACE, seconds)))
    assert (found.severity, found.where.field) == ("error", GRACE)
    assert found.where.document == "Deployment/orders"
    assert f"{seconds:g} s for a drain timeout of 50 s and 1 s to leave" in found.what


def test_one_without_room_for_a_busy_node_is_warned_of() -> None:
    assert the("grace-tight", checked(spoiled(GOOD, GRACE, 53))).severity == "warning"


def test_a_period_that_nobody_sets_is_kubernetes_30_seconds() -> None:
    found = the("grace-too-short", checked(spoiled(GOOD, GRACE, None)))
    assert "30 s (the default: nobody has set it)" in found.what


@pytest.mark.parametrize(
    ("hook", "findings"),
    [
        ({"sleep": {"seconds": 4}}, ["prestop"]),
        ({"sleep": {"seconds": 15}}, ["grace-too-short", "prestop"]),
        ({"exec": {"command": ["sleep", "15"]}}, ["grace-too-short", "prestop"]),
        ({"exec": {"command": ["/bin/sh", "-c", "sleep 15"]}}, ["grace-too-short", "prestop"]),
        ({"exec": {"command": ["/leave.sh"]}}, ["prestop"]),
    ],
)
def test_a_hook_before_the_signal_eats_the_period(hook: object, findings: list[str]) -> None:
    assert codes(checked(container("lifecycle", {"preStop": hook}))) == findings


def test_a_handler_that_may_outlast_the_drain_breaks_the_promise() -> None:
    found = the("drain-shorter-than-handler", checked(GOOD, of=worker(timeout=51)))
    assert "'charge' may run 51 s, and the drain timeout is 50 s" in found.what
    assert codes(checked(GOOD, of=worker(timeout=50))) == []


@pytest.mark.parametrize("kind", ["Job", "StatefulSet"])
def test_a_job_is_not_scaled_in_and_may_hold_a_long_handler(kind: str) -> None:
    findings = [] if kind == "Job" else ["drain-shorter-than-handler"]
    assert codes(checked({**GOOD, "kind": kind}, of=worker(timeout=51))) == findings


def test_how_long_a_handler_without_a_timeout_runs_is_said_to_be_unknown() -> None:
    assert [each.what for each in checked(GOOD).unchecked if "may run" in each.what] == ["how long charge may run"]
    assert not [each for each in checked(GOOD, of=worker(timeout=5)).unchecked if "may run" in each.what]


@pytest.mark.parametrize(
    ("period", "findings"),
    [("35s", []), ("1m", []), ("27s", ["grace-tight"]), ("20s", ["grace-too-short"]), (None, ["grace-too-short"])],
)
def test_compose_is_held_to_the_same(period: str | None, findings: list[str]) -> None:
    report = checked(spoiled(COMPOSE, "services.worker.stop_grace_period", period))
    assert codes(report) == findings


def test_without_manifests_the_period_is_said_to_be_unknown() -> None:
    assert "the grace period" in [each.what for each in checked().unchecked]
    assert "the grace period" not in [each.what for each in checked(GOOD).unchecked]
