"""The status as a small page for a person: tables, no script, everything escaped.

May know: HTML, the status's facts. May not know: where they come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from consumer.observe.status import Facts

_STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.4 system-ui,sans-serif;margin:1.5em;max-width:100em}"
    "h1{font-size:1.5em;overflow-wrap:anywhere}h2{font-size:1.1em;margin:1.8em 0 .2em}"
    "div{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "td,th{padding:.3em 1.2em .3em 0;text-align:left;vertical-align:top;white-space:nowrap}"
    "td,th{border-bottom:1px solid #8886}td.long{white-space:pre-wrap;overflow-wrap:anywhere}"
    "div td.long{min-width:14em}"
)
_HEAD = "<meta charset=utf-8><meta name=viewport content='width=device-width'>"
_LONG = frozenset({"message_id", "more"})
"""Columns whose texts may be of any length: they are broken, and no others."""
_QUEUES = ("name", "handler", "consumed", "concurrency", "prefetch", "in_flight", "prefetched", "received")
_IN_FLIGHT = ("seconds", "message_id", "handler", "queue", "attempt", "lease_lost")
_ERRORS = ("at", "event", "message_id", "queue", "more")
_STATE = ("phase", "ready", "quiet", "version", "pid", "uptime", "loop_silent_for")


def page(facts: Facts) -> str:
    """The whole page."""
    queues = [{**queue, **_ended(queue["ended"])} for queue in facts["queues"]]
    ends = sorted({name for queue in queues for name in queue} - {*facts["queues"][0]}) if queues else []
    rest = facts["in_flight_not_shown"]
    parts = [
        f"<h1>{_text(facts['worker'])}</h1>",
        _pairs({name: facts[name] for name in _STATE} | facts["connection"]),
        _section("Drain", _pairs({**facts["drain"], "waits_for": _awaited(facts)})) if facts["drain"] else "",
        _section("Queues", _table((*_QUEUES, *ends), queues)),
        _section("In flight", _table(_IN_FLIGHT, facts["in_flight"]) + (f"<p>and {rest} more</p>" if rest else "")),
        _section("Last warnings", _table(_ERRORS, _errors(facts["errors"]))),
    ]
    head = f"{_HEAD}<title>{_text(facts['worker'])}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>"


def _awaited(facts: Facts) -> list[str]:
    """What a drain waits for: handlers, and stretches of background tasks."""
    running = len(facts["in_flight"]) + facts["in_flight_not_shown"]
    return [f"{running} in flight", *facts["shielded"]]


def _ended(ended: Mapping[str, int]) -> dict[str, int]:
    """Those that have happened."""
    return {name: count for name, count in ended.items() if count}


def _errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    own = ("at", "event", "queue", "message_id")
    return [
        {
            **{name: error[name] for name in own},
            "at": datetime.fromtimestamp(error["at"], UTC).isoformat(timespec="seconds"),
            "more": ", ".join(f"{key}={value}" for key, value in error.items() if key not in own),
        }
        for error in errors
    ]


def _section(title: str, content: str) -> str:
    return f"<h2>{_text(title)}</h2>{content}"


def _pairs(facts: Mapping[str, object]) -> str:
    rows = (f"<tr><th scope=row>{_title(name)}<td class=long>{_text(value)}" for name, value in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    head = "".join(f"<th scope=col>{_title(column)}" for column in columns)
    body = "".join(f"<tr>{''.join(_cell(column, row.get(column)) for column in columns)}" for row in rows)
    return f"<div><table><tr>{head}{body}</table></div>" if body else "<p>none</p>"


def _cell(column: str, value: object) -> str:
    return f"<td{' class=long' if column in _LONG else ''}>{_text(value)}"


def _title(name: str) -> str:
    return _text(name.replace("_", " "))


def _text(value: object) -> str:
    """As text that no browser takes for anything else."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3f}"
        case list():
            return escape(", ".join(map(str, value)))
    return escape(str(value))
