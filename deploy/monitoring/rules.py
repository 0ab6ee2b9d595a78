"""The alerts as Prometheus reads them, as its operator does, and as a page for a person.

May know: the alerts, three ways to write them down. May not know: what they ask.
"""

import textwrap
from typing import Any, TypeAlias

from deploy.monitoring.alerts import ALERTS, Alert

Yaml: TypeAlias = dict[str, Any]

PAGE = "docs/alerts.md"


def rule_file() -> Yaml:
    """For `rule_files:` of a plain Prometheus."""
    return {"groups": [{"name": "lastcall", "rules": [_rule(alert) for alert in ALERTS]}]}


def operators_rule() -> Yaml:
    """The same for the Prometheus Operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "lastcall", "labels": {"app.kubernetes.io/name": "lastcall"}},
        "spec": rule_file(),
    }


def sections() -> str:
    """The same in Markdown, a section an alert."""
    return "\n".join(_section(alert) for alert in ALERTS)


def _rule(alert: Alert) -> Yaml:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasting,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "why": alert.why,
            "mend": alert.mend,
            "runbook": f"{PAGE}#{alert.name.lower()}",
        },
    }


def _section(alert: Alert) -> str:
    lasting = "at once" if alert.lasting == "0m" else f"when it has held for {alert.lasting}"
    told = (f"**Why.** {alert.why}", f"**Mend.** {alert.mend}")
    prose = "\n\n".join(textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) for text in told)
    head = f"## {alert.name}\n\nSeverity `{alert.severity}`, {lasting}."
    return f"{head}\n\n```promql\n{alert.expression}\n```\n\n{prose}\n"
