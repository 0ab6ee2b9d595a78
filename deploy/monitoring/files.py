"""The files that are kept of what is built here, so that nobody needs Python to deploy them.

May know: where they are kept, JSON, YAML. May not know: what is in them.
"""

import json
from pathlib import Path

import yaml

from deploy.monitoring.grafana import dashboard
from deploy.monitoring.rules import PAGE, operators_rule, rule_file, sections

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy/kubernetes/overlays/monitoring/dashboard.json"
OPERATORS_RULE = ROOT / "deploy/kubernetes/overlays/monitoring/prometheusrule.yaml"
RULES = ROOT / "deploy/monitoring/rules.yml"
ALERTS_PAGE = ROOT / PAGE
LINE = 100
"""Characters, in YAML."""
_MADE_BY = "# Made by `make monitoring` from deploy/monitoring/alerts.py: change it there.\n"


def built() -> dict[Path, str]:
    """What each of them is to hold. Of the page, what stands above its first section is written by hand."""
    introduction, _, _ = ALERTS_PAGE.read_text().partition("\n## ")
    return {
        DASHBOARD: json.dumps(dashboard(), indent=1) + "\n",
        OPERATORS_RULE: _MADE_BY + _yaml(operators_rule()),
        RULES: _MADE_BY + _yaml(rule_file()),
        ALERTS_PAGE: f"{introduction.rstrip()}\n\n{sections()}",
    }


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types here
    """Folds what is too long for a line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=">" if len(text) > LINE else None)


_Dumper.add_representer(str, _text)


def _yaml(content: object) -> str:
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=LINE))
