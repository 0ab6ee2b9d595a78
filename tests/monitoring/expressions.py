"""Every expression of the files that are kept, wherever it stands in them.

May know: the kept files, Grafana's variables. May not know: how the files are made, Prometheus.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.monitoring.files import DASHBOARD, OPERATORS_RULE, RULES

VARIABLES = {"$namespace": ".*", "$pod": ".*", "$queue": ".*", "$__rate_interval": "1m"}
"""What Grafana puts in where all is chosen."""
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


def panels() -> list[Any]:
    """Of the dashboard, its rows left out."""
    return [panel for panel in _dashboard()["panels"] if panel["type"] != "row"]


def variables() -> dict[str, tuple[str, str]]:
    """Of the dashboard, by name: the series that it is taken from, and the label."""
    queried = [each for each in _dashboard()["templating"]["list"] if each["type"] == "query"]
    found = {each["name"]: _LABEL_VALUES.fullmatch(each["definition"]) for each in queried}
    return {name: (filled_in(match[1]), match[2]) for name, match in found.items() if match}


def of_dashboard() -> dict[str, str]:
    """By its panel and place in it, as Grafana sends it."""
    return {
        f"{panel['title']} {target['refId']}": filled_in(target["expr"])
        for panel in panels()
        for target in panel["targets"]
    }


def of_rules() -> dict[str, str]:
    """By the alert's name."""
    return {rule["alert"]: rule["expr"] for rule in rules(RULES)}


def rules(path: Path = RULES) -> list[dict[str, Any]]:
    """The rules in the file for Prometheus, or in the operator's."""
    content = yaml.safe_load(path.read_text())
    [group] = (content["spec"] if path == OPERATORS_RULE else content)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def series_in(expression: str) -> Iterator[str]:
    """The names of all series that an expression asks for."""
    yield from re.findall(r"\b(?:lastcall|messaging|process)_[a-z_]+\b", expression)


def filled_in(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def _dashboard() -> Any:
    return json.loads(DASHBOARD.read_text())
