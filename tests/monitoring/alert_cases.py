"""What workers may look like over time, and which alert is to fire at that.

May know: series in promtool's notation (`0x40`: 0, and 40 times again; `0+1x40`: growing; `_`: not there), one sample
every 15 s. May not know: the rules' expressions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

WORKER = {"namespace": "shop", "job": "orders", "instance": "10.0.0.1:8080", "pod": "orders-a"}
ANOTHER = WORKER | {"instance": "10.0.0.2:8080", "pod": "orders-b"}
QUEUE = {"queue": "orders"}
PLACE = {"namespace": "shop", **QUEUE}


@dataclass(frozen=True)
class Case:
    """`at`: when it fires; `summary` is what it then says, `labels` about what. Or it is quiet all the time, from the
    minute `since` until `at`."""

    alert: str
    what: str
    series: Mapping[str, str]
    at: str
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    since: int = 0


def of(name: str, worker: Mapping[str, str] = WORKER, /, **labels: str) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in {**worker, **labels}.items())
    return f"lastcall_{name}{{{inner}}}"


CONSUMED = of("queue_consumed", **QUEUE)
DRAINING = of("draining_seconds")
DRAIN_TIMEOUT = of("drain_timeout_seconds")
PARKED = of("deliveries_ended_total", **QUEUE, outcome="parked")
RECEIVED = of("deliveries_received_total", **QUEUE)
REDELIVERED = of("deliveries_redelivered_total", **QUEUE)
HANDED_BACK = of("deliveries_ended_total", **QUEUE, outcome="handed_back")
OLDEST = of("in_flight_oldest_seconds", **QUEUE)
COPIES_FAILED = of("copies_failed_total", **QUEUE, purpose="parking")
CONNECTIONS_LOST = of("connections_lost_total")
LAG = of("loop_lag_seconds")
AT_RISK = of("queue_at_risk", **QUEUE)

FIRING = (
    Case(
        "LastcallNoConsumer",
        "its only worker reconnects for five minutes",
        {CONSUMED: "1x4 0x40", DRAINING: "0x50"},
        "7m",
        "no worker consumes orders, though there are workers for it",
        PLACE,
    ),
    Case(
        "LastcallNoConsumer",
        "one worker drains and the other one can't reach the broker",
        {
            CONSUMED: "0x40",
            DRAINING: "0+15x40",
            of("queue_consumed", ANOTHER, **QUEUE): "0x40",
            of("draining_seconds", ANOTHER): "0x40",
        },
        "6m",
        "no worker consumes orders, though there are workers for it",
        PLACE,
    ),
    Case(
        "LastcallParked",
        "a new worker parks three before its first scrape, and goes on",
        {PARKED: "3x20"},
        "3m",
        "3 messages of orders were parked in the last 15 minutes",
        PLACE,
    ),
    Case(
        "LastcallParked",
        "one that has run for long parks one in fifteen seconds",
        {PARKED: "0+1x120"},
        "30m",
        "60 messages of orders were parked in the last 15 minutes",
        PLACE,
    ),
    Case(
        "LastcallRedeliveries",
        "every fifth delivery comes again for a quarter of an hour",
        {RECEIVED: "0+50x80", REDELIVERED: "0+10x80"},
        "20m",
        "20% of the deliveries of orders come again",
        PLACE,
    ),
    Case(
        "LastcallDrainTooLong",
        "a drain is at 40 of 50 seconds",
        {DRAINING: "0 10 25 40", DRAIN_TIMEOUT: "50x3"},
        "45s",
        "orders-a drained for 40s, most of its drain timeout",
        WORKER,
    ),
    Case(
        "LastcallDrainTooLong",
        "the worker is gone since",
        {DRAINING: "0 10 25 40 stale", DRAIN_TIMEOUT: "50x3 stale"},
        "3m",
        "orders-a drained for 40s, most of its drain timeout",
        WORKER,
    ),
    Case(
        "LastcallOrphans",
        "a scrape comes between the drain timeout and the worker's end",
        {of("orphans_total", **QUEUE): "_x3 2x3"},
        "1m",
        "2 deliveries of orders were cut off by the drain timeout",
        PLACE,
    ),
    Case(
        "LastcallHandlerOutlastsDrain",
        "a handler runs for 90 seconds where a drain may take 50",
        {OLDEST: "0+15x6", DRAIN_TIMEOUT: "50x6"},
        "90s",
        "a handler of orders in orders-a has been running for 1m 30s",
        {**PLACE, "pod": "orders-a", "instance": "10.0.0.1:8080"},
    ),
    Case(
        "LastcallCopiesFail",
        "the parking queue takes nothing for a quarter of an hour",
        {COPIES_FAILED: "0+1x80"},
        "15m",
        "copies of messages of orders can't be published (parking)",
        {**PLACE, "purpose": "parking"},
    ),
    Case(
        "LastcallConnectionFlaps",
        "the connection is lost every fifteen seconds",
        {CONNECTIONS_LOST: "0+1x120"},
        "30m",
        "orders-a lost its connection 60 times in 15 minutes",
        WORKER,
    ),
    Case(
        "LastcallLoopLags",
        "the loop takes two seconds to answer",
        {LAG: "2x40"},
        "8m",
        "the event loop of orders-a takes 2s to answer",
        WORKER,
    ),
    Case(
        "LastcallQueueAtRisk",
        "a queue has a delivery limit of the broker's",
        {AT_RISK: "1x40"},
        "6m",
        "a delivery limit can take messages of orders that no handler failed on",
        PLACE,
    ),
    Case(
        "LastcallDefect",
        "the package fails once",
        {of("defects_total", **QUEUE): "1x8"},
        "1m",
        "defects of Lastcall itself on orders: 1",
        PLACE,
    ),
)

QUIET = (
    Case(
        "LastcallNoConsumer", "it has reconnected within five minutes", {CONSUMED: "0x12 1x40", DRAINING: "0x52"}, "6m"
    ),
    Case(
        "LastcallNoConsumer",
        "another worker consumes",
        {CONSUMED: "0x40", DRAINING: "0x40", of("queue_consumed", ANOTHER, **QUEUE): "1x40"},
        "8m",
    ),
    Case(
        "LastcallNoConsumer",
        "its last worker takes long to drain, and then there is none",
        {CONSUMED: "1x4 0x40 stale", DRAINING: "0x4 0+15x40 stale"},
        "10m",
    ),
    Case("LastcallNoConsumer", "scaled to zero", {CONSUMED: "1x4 stale", DRAINING: "0x4 stale"}, "20m"),
    Case("LastcallParked", "what was parked was parked long ago", {PARKED: "0x4 7x260"}, "65m", since=17),
    Case(
        "LastcallRedeliveries",
        "a scale-down hands back once",
        {RECEIVED: "0+50x40 4000+50x80", REDELIVERED: "0x40 2000x80"},
        "18m",
    ),
    Case("LastcallRedeliveries", "nothing is delivered", {RECEIVED: "9x80", REDELIVERED: "9x80"}, "20m"),
    Case(
        "LastcallDrainTooLong",
        "a drain takes half of its time",
        {DRAINING: "0 10 25 stale", DRAIN_TIMEOUT: "50x2 stale"},
        "2m",
    ),
    Case(
        "LastcallOrphans",
        "a scale-down hands back, and cuts nothing off",
        {HANDED_BACK: "0x4 20x4", of("orphans_total", **QUEUE): "0x8"},
        "2m",
    ),
    Case(
        "LastcallHandlerOutlastsDrain",
        "handlers end in time",
        {OLDEST: "0 15 30 45 0 15", DRAIN_TIMEOUT: "50x5"},
        "2m",
    ),
    Case("LastcallCopiesFail", "a copy fails once and is published then", {COPIES_FAILED: "0x4 1x80"}, "12m"),
    Case("LastcallConnectionFlaps", "the broker is restarted twice", {CONNECTIONS_LOST: "0x20 1x20 2x20"}, "12m"),
    Case("LastcallLoopLags", "the loop is blocked once for a second", {LAG: "0x20 1 0x20"}, "7m"),
    Case("LastcallQueueAtRisk", "no limit can take anything", {AT_RISK: "0x40"}, "6m"),
    Case("LastcallDefect", "there has been none", {of("defects_total", **QUEUE): "0x40"}, "6m"),
)
