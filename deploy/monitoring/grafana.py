"""The dashboard as Grafana (9 and later) reads it.

May know: the panels, Grafana's JSON. May not know: what they ask.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from deploy.monitoring.board import ROWS
from deploy.monitoring.panels import Panel, Query, Row
from deploy.monitoring.queries import EVERYTHING, Scope

Json: TypeAlias = dict[str, Any]

TITLE, UID = "Lastcall workers", "lastcall"
COLUMNS = 24
"""Of Grafana's grid."""
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_IN_NAMESPACE = Scope({"namespace": '=~"$namespace"'})


def dashboard() -> Json:
    """All of it."""
    return {
        "uid": UID,
        "title": TITLE,
        "description": "RabbitMQ workers: what they do, what they wait for, and how they leave.",
        "tags": ["lastcall", "rabbitmq"],
        "schemaVersion": 37,
        "editable": True,
        "graphTooltip": 1,  # one crosshair for all panels
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [*_variables()]},
        "panels": [*_placed(ROWS)],
    }


def _variables() -> Iterator[Json]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1}
    yield _variable("namespace", EVERYTHING("lastcall_build_info"))
    yield _variable("queue", _IN_NAMESPACE("lastcall_queue_consumed"))
    yield _variable("pod", _IN_NAMESPACE("lastcall_build_info"))


def _variable(label: str, series: str) -> Json:
    """The values of a label, several or all of them. `.*` for all: it matches where there is no such label, too."""
    query = f"label_values({series}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": label},
        "refresh": 2,  # as often as the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _placed(rows: Iterable[Row]) -> Iterator[Json]:
    """Row by row, each panel as wide as its neighbours."""
    number, top = 0, 0
    for row in rows:
        yield {"id": (number := number + 1), "type": "row", "title": row.title, "gridPos": _grid(0, top, COLUMNS, 1)}
        top += 1
        for line in _lines(row.panels):
            width, height = COLUMNS // len(line), 4 if line[0].figure else 8
            for place, panel in enumerate(line):
                yield {
                    "id": (number := number + 1),
                    **_panel(panel),
                    "gridPos": _grid(place * width, top, width, height),
                }
            top += height


def _lines(panels: tuple[Panel, ...]) -> Iterator[tuple[Panel, ...]]:
    """Figures side by side; of others two or three, whichever leaves less room."""
    if panels[0].figure:
        yield panels
        return
    most = 2 if len(panels) in {2, 4} else 3
    for first in range(0, len(panels), most):
        yield panels[first : first + most]


def _grid(x: int, y: int, width: int, height: int) -> Json:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel) -> Json:
    shared = {
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "targets": [_target(number, query, panel.figure) for number, query in enumerate(panel.queries)],
    }
    return shared | (_figure(panel) if panel.figure else _lines_over_time(panel))


def _target(number: int, query: Query, now: bool) -> Json:
    return {
        "refId": "ABCDEFGH"[number],
        "datasource": _DATASOURCE,
        "expr": query.expression,
        "legendFormat": query.legend,
        "instant": now,
        "range": not now,
    }


def _figure(panel: Panel) -> Json:
    red = [] if panel.red_from is None else [{"color": "red", "value": panel.red_from}]
    steps = [{"color": "green" if red else "text", "value": None}, *red]
    defaults = {"unit": panel.unit, "decimals": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "type": "stat",
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
            "colorMode": "value",
            "graphMode": "none",
        },
    }


def _lines_over_time(panel: Panel) -> Json:
    custom = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False}
    return {
        "type": "timeseries",
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }
