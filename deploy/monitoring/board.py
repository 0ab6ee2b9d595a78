"""Every panel of the dashboard, from what one asks first to what one asks last.

May know: how queries are made, what a panel is. May not know: Grafana's JSON.
A test sees to it that every metric of the worker's table is on one of them.
"""

from deploy.monitoring.panels import Panel, Query, Row
from deploy.monitoring.queries import Scope, largest, number, rate, total

WINDOW = "$__rate_interval"
CHOSEN = Scope({label: f'=~"${label}"' for label in ("namespace", "pod", "queue")})
"""What the dashboard's variables say."""
QUANTILES = (0.5, 0.95, 0.99)


def _rate(name: str, legend: str, *by: str, **equal: str) -> Query:
    return Query(total(rate(CHOSEN(name, **equal), WINDOW), *by), legend)


def _grown(name: str, legend: str, *by: str, **equal: str) -> Query:
    return Query(total(f"increase({CHOSEN(name, **equal)}[{WINDOW}])", *by), legend)


def _quantiles(name: str, *by: str) -> tuple[Query, ...]:
    of = " ".join(f"{{{{{label}}}}}" for label in by)
    return tuple(Query(CHOSEN.quantile(each, name, WINDOW, *by), f"{of} p{each * 100:g}".strip()) for each in QUANTILES)


def _figure(title: str, about: str, expression: str, red_from: float | None = None) -> Panel:
    return Panel(title, about, (Query(expression, ""),), figure=True, red_from=red_from)


_draining = f"{CHOSEN('lastcall_draining_seconds')} > 0"
_awaited = f"{CHOSEN('lastcall_deliveries_in_flight')} and on (job, instance) ({_draining})"
_deserted = f"{largest(CHOSEN('lastcall_queue_consumed'), 'namespace', 'queue')} == 0"
_redelivered = total(rate(CHOSEN("lastcall_deliveries_redelivered_total"), WINDOW), "queue")
_received = total(rate(CHOSEN("lastcall_deliveries_received_total"), WINDOW), "queue")
_a_worker = f"and on (job, instance) {CHOSEN('lastcall_build_info')}"

_now = Row(
    "Now",
    (
        _figure("Workers", "That answer.", number(CHOSEN("lastcall_build_info"))),
        _figure("Ready", "Whose /readyz says 200.", total(CHOSEN("lastcall_ready"))),
        _figure("Draining", "Told to stop, and not gone yet.", total(CHOSEN("lastcall_phase", phase="draining"))),
        _figure("In flight", "Deliveries whose handlers run.", total(CHOSEN("lastcall_deliveries_in_flight"))),
        _figure("Prefetched", "Here, and not started.", total(CHOSEN("lastcall_deliveries_prefetched"))),
        _figure("Queues without a consumer", "Of those that workers are for.", f"{number(_deserted)} or vector(0)", 1),
        _figure(
            "Parked in an hour",
            "Set aside for a person: `lastcall parked list`.",
            total(CHOSEN.grown("lastcall_deliveries_ended_total", "1h", outcome="parked")),
            1,
        ),
        _figure(
            "Orphans in 6 hours",
            "Cut off by the drain timeout and run again, as far as a scrape saw them.",
            total(CHOSEN.grown("lastcall_orphans_total", "6h")),
            1,
        ),
    ),
)

_deliveries = Row(
    "Deliveries",
    (
        Panel(
            "Received and settled",
            "What arrives, and what it ends with: acked (completed, parked, retry, saved) or returned.",
            (
                _rate("lastcall_deliveries_received_total", "{{queue}} received", "queue"),
                _rate("lastcall_deliveries_ended_total", "{{queue}} {{outcome}}", "queue", "outcome"),
            ),
            "cps",
        ),
        Panel(
            "In flight and prefetched",
            "In flight as high as the slots: every worker is busy, more of them would help.",
            (
                Query(total(CHOSEN("lastcall_deliveries_in_flight"), "queue"), "{{queue}} in flight"),
                Query(total(CHOSEN("lastcall_deliveries_prefetched"), "queue"), "{{queue}} prefetched"),
                Query(total(CHOSEN("lastcall_handler_concurrency"), "queue"), "{{queue}} slots"),
            ),
        ),
        Panel(
            "Attempts by their end",
            "",
            (_rate("lastcall_handler_runs_total", "{{handler}} {{outcome}}", "queue", "handler", "outcome"),),
            "cps",
        ),
    ),
)

_durations = Row(
    "How long it takes",
    (
        Panel(
            "Handlers' duration",
            "Attempt by attempt.",
            _quantiles("lastcall_handler_duration_seconds", "queue", "handler"),
            "s",
        ),
        Panel(
            "Waiting in prefetch",
            "Of deliveries that found no free slot. Long: a smaller prefetch leaves them to workers that are free.",
            _quantiles("lastcall_prefetch_wait_seconds", "queue"),
            "s",
        ),
        Panel(
            "The oldest in flight",
            "Above the drain timeout: a scale-in now would cut it off.",
            (
                Query(largest(CHOSEN("lastcall_in_flight_oldest_seconds"), "pod", "queue"), "{{pod}} {{queue}}"),
                Query(f"min({CHOSEN('lastcall_drain_timeout_seconds')})", "drain timeout"),
            ),
            "s",
        ),
    ),
)

_drains = Row(
    "Drains",
    (
        Panel("Workers by phase", "", (Query(total(CHOSEN("lastcall_phase"), "phase"), "{{phase}}"),)),
        Panel(
            "How long drains take",
            "What runs when the drain timeout has passed is an orphan.",
            (
                Query(largest(CHOSEN("lastcall_draining_seconds"), "pod"), "{{pod}}"),
                Query(f"min({CHOSEN('lastcall_drain_timeout_seconds')})", "drain timeout"),
            ),
            "s",
        ),
        Panel("What drains wait for", "In flight in workers that drain.", (Query(_awaited, "{{pod}} {{queue}}"),)),
        Panel(
            "Handed back, and orphans",
            "As far as a scrape came between them and the worker's end.",
            (
                _grown("lastcall_deliveries_ended_total", "{{queue}} handed back", "queue", outcome="handed_back"),
                _grown("lastcall_orphans_total", "{{queue}} orphans", "queue"),
            ),
        ),
    ),
)

_again = Row(
    "Again, and set aside",
    (
        Panel(
            "Share of redeliveries",
            "Of what is received. A scale-down hands back, and shows for a minute.",
            (Query(f"{_redelivered} / {_received}", "{{queue}}"),),
            "percentunit",
        ),
        Panel(
            "Redeliveries that were not run again",
            "They joined their first run, or their inbox knew them as completed.",
            (
                _rate("lastcall_deliveries_joined_total", "{{queue}} joined", "queue"),
                _rate("lastcall_already_completed_total", "{{queue}} already completed", "queue"),
            ),
            "cps",
        ),
        Panel(
            "Retries",
            "In place, later by a copy, or by the queue itself.",
            (_rate("lastcall_retries_total", "{{queue}} {{kind}}", "queue", "kind"),),
            "cps",
        ),
        Panel(
            "Parked, and timed out",
            "",
            (
                _grown("lastcall_deliveries_ended_total", "{{queue}} parked", "queue", outcome="parked"),
                _grown("lastcall_handler_timeouts_total", "{{queue}} timed out", "queue"),
            ),
        ),
        Panel(
            "What went wrong with copies and inboxes",
            "Each is tried again, and nothing is lost meanwhile.",
            (
                _grown("lastcall_copies_failed_total", "{{queue}} copy for {{purpose}}", "queue", "purpose"),
                _grown("lastcall_inbox_failures_total", "{{queue}} inbox does not answer", "queue"),
                _grown("lastcall_claims_lost_total", "{{queue}} claim lost", "queue"),
            ),
        ),
    ),
)

_broker = Row(
    "The broker",
    (
        Panel(
            "Connections",
            "",
            (
                _grown("lastcall_connections_total", "came up"),
                _grown("lastcall_connections_lost_total", "lost"),
                _grown("lastcall_connects_failed_total", "not reached"),
                _grown("lastcall_channels_lost_total", "{{queue}} channel lost", "queue"),
            ),
        ),
        Panel(
            "Consumers",
            "Workers that are on a queue; 1 at risk: a delivery limit can take its messages.",
            (
                Query(total(CHOSEN("lastcall_queue_consumed"), "queue"), "{{queue}}"),
                Query(largest(CHOSEN("lastcall_queue_at_risk"), "queue"), "{{queue}} at risk"),
            ),
        ),
        Panel("Published", "Copies included.", (_rate("lastcall_published_total", "{{result}}", "result"),), "cps"),
        Panel("Until confirmed", "By the broker.", _quantiles("lastcall_publish_duration_seconds"), "s"),
    ),
)

_processes = Row(
    "The processes",
    (
        Panel(
            "Loop lag",
            "What the event loop takes to answer: handlers that block it show here.",
            (Query(largest(CHOSEN("lastcall_loop_lag_seconds"), "pod"), "{{pod}}"),),
            "s",
        ),
        Panel(
            "Blocked, failed, defective",
            "",
            (
                _grown("lastcall_loop_blocked_total", "{{pod}} loop blocked", "pod"),
                _grown("lastcall_background_failures_total", "{{pod}} background task failed", "pod"),
                _grown("lastcall_defects_total", "{{queue}} defect of Lastcall's", "queue"),
            ),
        ),
        Panel(
            "CPU",
            "Cores.",
            (Query(f"{rate(CHOSEN.of_process('process_cpu_seconds_total'), WINDOW)} {_a_worker}", "{{pod}}"),),
        ),
        Panel(
            "Memory",
            "",
            (Query(f"{CHOSEN.of_process('process_resident_memory_bytes')} {_a_worker}", "{{pod}}"),),
            "bytes",
        ),
        Panel("Versions", "", (Query(number(CHOSEN("lastcall_build_info"), "version"), "{{version}}"),)),
    ),
)

ROWS = (_now, _deliveries, _durations, _drains, _again, _broker, _processes)
