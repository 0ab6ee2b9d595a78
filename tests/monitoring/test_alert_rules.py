"""Each alert fires when it should, says what happened, and is quiet where there is nothing to say."""

from pathlib import Path

import pytest

from deploy.monitoring.alerts import ALERTS
from deploy.monitoring.files import RULES
from tests.monitoring.alert_cases import FIRING, QUIET, Case
from tests.monitoring.promtool import play, promtool

BY_NAME = {alert.name: alert for alert in ALERTS}


def named(case: Case) -> str:
    return f"{case.alert}: {case.what}"


def test_prometheus_accepts_the_rules() -> None:
    assert f"SUCCESS: {len(ALERTS)} rules found" in promtool("check", "rules", str(RULES))


def test_it_accepts_the_configuration_of_the_compose_file_and_finds_the_rules_in_it() -> None:
    assert str(RULES) in promtool("check", "config", str(RULES.with_name("prometheus.yml")))


@pytest.mark.parametrize("case", FIRING, ids=named)
def test_it_fires_when(case: Case, tmp_path: Path) -> None:
    alert = BY_NAME[case.alert]
    told = {
        "exp_labels": {**case.labels, "severity": alert.severity},
        "exp_annotations": {
            "summary": case.summary,
            "why": alert.why,
            "mend": alert.mend,
            "runbook": f"docs/alerts.md#{alert.name.lower()}",
        },
    }

    play(
        tmp_path,
        case.series,
        alert_rule_test=[{"eval_time": case.at, "alertname": case.alert, "exp_alerts": [told]}],
    )


@pytest.mark.parametrize("case", QUIET, ids=named)
def test_it_is_quiet_all_the_time_when(case: Case, tmp_path: Path) -> None:
    minutes = range(case.since, int(case.at.removesuffix("m")))
    times = [f"{minute}m{second}s" for minute in minutes for second in (0, 15, 30, 45)]

    play(tmp_path, case.series, alert_rule_test=[{"eval_time": at, "alertname": case.alert} for at in times])


def test_each_alert_was_seen_to_fire_and_to_be_quiet() -> None:
    assert {case.alert for case in FIRING} == {case.alert for case in QUIET} == {*BY_NAME}
