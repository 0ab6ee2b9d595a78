"""The status as a small page for a person: tables, no script, everything escaped.

May know: HTML, the status's facts. May not know: where they come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from consumer.observe.status import Facts

_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em;max-width:75em;color-scheme:light dark}"
    "table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{padding:.2em .9em .2em 0;text-align:left}"
    "th{border-bottom:1px solid}h2{font-size:1.1em;margin:0}td{overflow-wrap:anywhere}"
)
_QUEUES = ("name", "handler", "consumed", "concurrency", "prefetch", "in_flight", "prefetched", "received")
_IN_FLIGHT = ("seconds", "queue", "handler", "message_id", "attempt", "lease_lost")
_STATE = ("phase", "ready", "quiet", "version", "pid", "uptime", "loop_silent_for")


def page(facts: Facts) -> str:
    """The whole page."""
    queues = [{**queue, **_ended(queue["ended"])} for queue in facts["queues"]]
    ends = sorted({name for queue in queues for name in queue} - {*facts["queues"][0]}) if queues else []
    rest = facts["in_flight_not_shown"]
    parts = [
        f"<h1>{_text(facts['worker'])}</h1>",
        _pairs({name: facts[name] for name in _STATE} | facts["connection"]),
        _section("Drain", _pairs({**facts["drain"], "waits for": facts["shielded"]})) if facts["drain"] else "",
        _section("Queues", _table((*_QUEUES, *ends), queues)),
        _section("In flight", _table(_IN_FLIGHT, facts["in_flight"]) + (f"<p>and {rest} more</p>" if rest else "")),
        _section("Last warnings", _table(("at", "event", "queue", "message_id", "more"), _errors(facts["errors"]))),
    ]
    head = f"<meta charset=utf-8><title>{_text(facts['worker'])}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>"


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
    rows = (f"<tr><th scope=row>{_text(name)}<td>{_text(value)}" for name, value in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    head = "".join(f"<th scope=col>{_text(column.replace('_', ' '))}" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_text(row.get(column))}' for column in columns)}" for row in rows)
    return f"<table><tr>{head}{body}</table>" if body else "<p>none</p>"


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
