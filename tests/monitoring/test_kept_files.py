"""The dashboard and the rules that are kept are those that the table of metrics makes, and leave nothing of it out."""

import json
import re
from pathlib import Path

import pytest

from consumer.observe.metric_table import METRICS
from deploy.monitoring.alerts import ALERTS, Alert
from deploy.monitoring.files import ALERTS_PAGE, DASHBOARD, OPERATORS_RULE, ROOT, RULES, built
from deploy.monitoring.queries import EVERYTHING, PROCESS, Scope, UnknownSeriesError, series_names
from tests.monitoring import expressions

BOTH = {**expressions.of_dashboard(), **expressions.of_rules()}


@pytest.mark.parametrize("path", [DASHBOARD, OPERATORS_RULE, RULES, ALERTS_PAGE], ids=lambda path: path.name)
def test_what_is_kept_is_what_is_built(path: Path) -> None:
    assert path.read_text() == built()[path], "run `make monitoring`"


@pytest.mark.parametrize("expression", BOTH.values(), ids=BOTH)
def test_every_series_in_an_expression_is_one_that_workers_have(expression: str) -> None:
    asked = {*expressions.series_in(expression)}

    assert asked
    assert asked <= series_names() | {*PROCESS}


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for each in expressions.of_dashboard().values() for name in expressions.series_in(each)}

    missing = [
        metric.exposed_name for metric in METRICS if not any(name.startswith(metric.exposed_name) for name in shown)
    ]
    assert missing == [], "give it a place in deploy/monitoring/board.py"


def test_what_the_table_has_not_can_not_be_asked_for() -> None:
    with pytest.raises(UnknownSeriesError, match="lastcall_deliveries_eaten_total"):
        EVERYTHING("lastcall_deliveries_eaten_total")
    with pytest.raises(UnknownSeriesError, match="lastcall_deliveries_received"):
        EVERYTHING("lastcall_deliveries_received")  # a counter's name is exposed with _total
    with pytest.raises(UnknownSeriesError, match="no label outcome: it has queue"):
        EVERYTHING("lastcall_orphans_total", outcome="parked")
    with pytest.raises(UnknownSeriesError, match="python_info"):
        EVERYTHING.of_process("python_info")


def test_a_variable_narrows_down_those_series_alone_that_have_its_label() -> None:
    chosen = Scope({"pod": '=~"$pod"', "queue": '=~"$queue"'})

    assert chosen("lastcall_ready") == 'lastcall_ready{pod=~"$pod"}'
    assert chosen("lastcall_orphans_total") == 'lastcall_orphans_total{pod=~"$pod", queue=~"$queue"}'


def test_legends_name_labels_that_their_expressions_leave() -> None:
    for panel in expressions.panels():
        for target in panel["targets"]:
            named = {*re.findall(r"{{(\w+)}}", target["legendFormat"])}
            [*kept] = re.findall(r"^(?:sum|max|count|histogram_quantile\([\d.]+, sum) by \(([^)]*)\)", target["expr"])
            if kept:
                assert named <= {*kept[0].split(", ")}, panel["title"]


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    everything = json.loads(DASHBOARD.read_text())["panels"]
    taken = [
        (x, y)
        for grid in (panel["gridPos"] for panel in everything)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]

    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({*taken}) == len(taken)
    assert max(x for x, _ in taken) < 24


def test_the_operators_rules_and_prometheus_own_are_the_same() -> None:
    assert expressions.rules(OPERATORS_RULE) == expressions.rules(RULES)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_says_why_what_to_do_and_where_to_read_on(alert: Alert) -> None:
    [rule] = [each for each in expressions.rules() if each["alert"] == alert.name]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(), re.MULTILINE)

    assert rule["annotations"].keys() == {"summary", "why", "mend", "runbook"}
    assert anchor in {heading.lower() for heading in headings}
    assert all(text.rstrip(")").endswith(".") for text in (alert.why, alert.mend))
