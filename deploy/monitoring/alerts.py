"""Every alert that there is: what is looked for, why it matters, and what to do at night.

May know: how queries are made. May not know: how rules are written down, dashboards.

Each says what is so now, and stays quiet about what is business as usual: a scale-down, a rollout, no workers at all.
"""

from dataclasses import dataclass
from typing import Literal

from deploy.monitoring.queries import EVERYTHING as ALL
from deploy.monitoring.queries import largest, rate, total

PLACE = ("namespace", "queue")
WORKER = "{{ with $labels.pod }}{{ . }}{{ else }}{{ $labels.instance }}{{ end }}"
"""The pod's name where there are pods."""
_SAME = "on (job, instance)"
"""Matches series of the same worker."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule. `lasting`: for how long the expression must hold. `summary`: a template of Prometheus'."""

    name: str
    severity: Literal["critical", "warning"]
    expression: str
    lasting: str
    summary: str
    why: str
    mend: str


_draining = ALL("lastcall_draining_seconds")
_drain_timeout = ALL("lastcall_drain_timeout_seconds")
_consuming = f"{ALL('lastcall_queue_consumed')} unless {_SAME} ({_draining} > 0)"
_outlasting = f"{ALL('lastcall_in_flight_oldest_seconds')} > {_SAME} group_left () {_drain_timeout}"
_redelivered = total(rate(ALL("lastcall_deliveries_redelivered_total"), "5m"), *PLACE)
_received = total(rate(ALL("lastcall_deliveries_received_total"), "5m"), *PLACE)
_copies_failed = f"increase({ALL('lastcall_copies_failed_total')}[5m])"

ALERTS: tuple[Alert, ...] = (
    Alert(
        "LastcallNoConsumer",
        "critical",
        f"{largest(_consuming, *PLACE)} == 0",
        "5m",
        "no worker consumes {{ $labels.queue }}, though there are workers for it",
        "Its messages wait. The workers are there and not draining: they can't reach the broker, the broker refuses"
        " them, the queue is gone, or they were made quiet. (Without any worker this says nothing: scaled to zero is"
        " no fault.)",
        "Look at `/statusz` of one of them: the phase and the last warnings say which it is. Reconnecting: the broker"
        " is away, and they come back by themselves. Quiet: `lastcall resume`, or SIGCONT.",
    ),
    Alert(
        "LastcallParked",
        "warning",
        f"{total(ALL.grown('lastcall_deliveries_ended_total', '15m', outcome='parked'), *PLACE)} > 0",
        "0m",
        "{{ $value | humanize }} messages of {{ $labels.queue }} were parked in the last 15 minutes",
        "A parked message waits for a person: its handler failed for good, or it could not be decoded. Many at once"
        " are mostly one cause: a new version, or a service that handlers need.",
        "`lastcall parked list QUEUE` says why each was parked; mend the cause, then `lastcall parked replay`.",
    ),
    Alert(
        "LastcallRedeliveries",
        "warning",
        f"{_redelivered} / {_received} > 0.1",
        "10m",
        "{{ $value | humanizePercentage }} of the deliveries of {{ $labels.queue }} come again",
        "Every scale-down hands messages back, and that is over in a minute. For longer it is work that is done again:"
        " workers are killed (memory, a grace period below the drain timeout), connections are lost, handlers ask for"
        " the same message again and again, or run for longer than the broker's consumer timeout.",
        "Look for restarts and exit codes of the pods (137: killed), for LastcallConnectionFlaps, and on the dashboard"
        " at what the deliveries end with: `lease_lost`, `requeued`, `orphaned` or `handed_back`.",
    ),
    Alert(
        "LastcallDrainTooLong",
        "warning",
        f"max_over_time({_draining}[5m]) > 0.7 * last_over_time({_drain_timeout}[5m])",
        "0m",
        f"{WORKER} drained for {{{{ $value | humanizeDuration }}}}, most of its drain timeout",
        "What still runs when the drain timeout has passed is cancelled, requeued and run again. And a grace period"
        " that ends first kills the worker.",
        "`/statusz` says what it waits for. If handlers may take so long, raise LASTCALL_DRAIN_TIMEOUT, and the pod's"
        " grace period with it (docs/kubernetes.md); else give them a timeout.",
    ),
    Alert(
        "LastcallOrphans",
        "warning",
        f"{total(ALL.grown('lastcall_orphans_total', '15m'), *PLACE)} > 0",
        "0m",
        "{{ $value | humanize }} deliveries of {{ $labels.queue }} were cut off by the drain timeout",
        "They were cancelled and requeued, so their handlers are run twice. A worker ends within a second of counting"
        " them: mostly the scrape comes too late, and LastcallDrainTooLong is all that is seen. The log line"
        " `drain_finished` and the exit code 3 are sure.",
        "As for LastcallDrainTooLong. The log names each message; see that it has been completed since.",
    ),
    Alert(
        "LastcallHandlerOutlastsDrain",
        "warning",
        largest(_outlasting, "namespace", "pod", "instance", "queue"),
        "0m",
        f"a handler of {{{{ $labels.queue }}}} in {WORKER} has been running for {{{{ $value | humanizeDuration }}}}",
        "That is longer than the drain timeout: if this worker is scaled in now, the message is cut off and run twice.",
        "`/statusz` names it. Is it stuck? Give the handler a `timeout=`. Is it just long? Raise the drain timeout and"
        " the grace period; or run it in Jobs (deploy/kubernetes/overlays/keda-jobs), which nobody scales in, and"
        " silence this for them.",
    ),
    Alert(
        "LastcallCopiesFail",
        "warning",
        f"{total(_copies_failed, *PLACE, 'purpose')} > 0",
        "10m",
        "copies of messages of {{ $labels.queue }} can't be published ({{ $labels.purpose }})",
        "A message that is retried or parked is published anew, and acked when the broker has confirmed that. Until"
        " then it is held, tried again, and takes up a place in the prefetch. Nothing is lost.",
        "The log says what the broker answers: a full disk, a policy, a deleted parking queue, a missing permission.",
    ),
    Alert(
        "LastcallConnectionFlaps",
        "warning",
        f"increase({ALL('lastcall_connections_lost_total')}[15m]) > 3",
        "0m",
        f"{WORKER} lost its connection {{{{ $value | humanize }}}} times in 15 minutes",
        "Each time what it had prefetched is delivered again, and what it runs is settled when it comes back.",
        "The reason is in the log (`connection_lost`) and on `/statusz`: the broker's memory or restarts, a balancer"
        " with an idle timeout below the heartbeat, a blocked event loop (LastcallLoopLags).",
    ),
    Alert(
        "LastcallLoopLags",
        "warning",
        f"avg_over_time({ALL('lastcall_loop_lag_seconds')}[5m]) > 0.5",
        "1m",
        f"the event loop of {WORKER} takes {{{{ $value | humanizeDuration }}}} to answer",
        "Handlers block it, or the processor is short. Heartbeats and acks are late; stuck for LASTCALL_STUCK_AFTER"
        " seconds, the worker is restarted by its liveness probe.",
        "The log says which task blocks (`loop_blocked`, `loop_stuck` with its stack). Make that handler a plain"
        ' function, which runs in a thread, or give it `executor="process"`; or take away the CPU limit.',
    ),
    Alert(
        "LastcallQueueAtRisk",
        "warning",
        f"{largest(ALL('lastcall_queue_at_risk'), *PLACE)} == 1",
        "5m",
        "a delivery limit can take messages of {{ $labels.queue }} that no handler failed on",
        "Each scale-down returns messages, which counts as a delivery; at the queue's limit the broker drops them, or"
        " dead-letters them.",
        "The log line `queue_at_risk` has the command that mends it (docs/delivery-limits.md).",
    ),
    Alert(
        "LastcallDefect",
        "critical",
        f"{total(ALL.grown('lastcall_defects_total', '15m'), *PLACE)} > 0",
        "0m",
        "defects of Lastcall itself on {{ $labels.queue }}: {{ $value | humanize }}",
        "The messages went back to their queue, so nothing is lost, but it may happen again.",
        "Please report the traceback that is in the log (`defect`).",
    ),
)
