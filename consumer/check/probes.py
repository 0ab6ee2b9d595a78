"""A kubelet's probes: would they kill a worker that does what it should?

May know: what is looked at, what our health paths mean (docs/health.md). May not know: how it was read.
"""

from collections.abc import Iterator

from consumer.check.finding import Finding, Rule, Unchecked
from consumer.check.grace import EXIT_MARGIN
from consumer.check.subject import Deployed, Probe, Subject

OURS = frozenset({"/livez", "/readyz", "/startupz", "/statusz", "/metrics"})

LIVENESS_PATH = Rule(
    "liveness-kills-drain",
    "error",
    "Liveness asks /readyz or /startupz.",
    "They answer 503 before the first consuming, and /readyz while draining and while quiet too: the kubelet kills a "
    "worker that does what it should, with its messages in flight.",
    "Let livenessProbe ask /livez: it fails only when the event loop is stuck.",
)
LIVENESS_BLIND = Rule(
    "liveness-blind",
    "warning",
    "Liveness asks something that answers 200 whatever happens (/statusz, /metrics).",
    "They are answered by a thread of their own: a worker whose event loop is stuck for ever is not restarted.",
    "Let livenessProbe ask /livez.",
)
LIVENESS_HASTY = Rule(
    "liveness-hasty",
    "warning",
    "Liveness gives up (periodSeconds times failureThreshold) sooner than a drain may take.",
    "On a node that is too busy to answer, it kills a worker in the middle of a drain that it began by itself.",
    "Raise failureThreshold or periodSeconds, so that their product is no less than the grace period.",
)
STARTUP_HASTY = Rule(
    "startup-hasty",
    "warning",
    "The startup probe gives up before the worker does (LASTCALL_CONNECT_TIMEOUT).",
    "A worker that still waits for its broker is restarted, again and again, instead of saying what it waits for.",
    "Raise failureThreshold: periodSeconds times failureThreshold is to be above the connect timeout.",
)
RULES = (LIVENESS_PATH, LIVENESS_BLIND, LIVENESS_HASTY, STARTUP_HASTY)


def check(subject: Subject) -> Iterator[Finding | Unchecked]:
    """Look at the probes of every pod."""
    for each in subject.running:
        for probe in each.launch.probes:
            if probe.path is None:
                how = "it is no HTTP request, and what it asks can't be told from here"
                yield Unchecked(f"the {probe.kind} probe ({probe.where})", how)
            elif probe.path in OURS and probe.kind == "liveness":
                yield from _liveness(each, probe)
            elif probe.path in OURS and probe.kind == "startup":
                yield from _startup(each, probe)
            elif probe.path not in OURS:
                yield Unchecked(f"the {probe.kind} probe ({probe.where})", f"{probe.path} is not answered by Lastcall")


def _liveness(each: Deployed, probe: Probe) -> Iterator[Finding]:
    if probe.path != "/livez":
        rule = LIVENESS_PATH if probe.path in {"/readyz", "/startupz"} else LIVENESS_BLIND
        yield rule.found(probe.where.at("httpGet.path"), f"The liveness probe asks {probe.path}.")
    least = each.worker.drain_timeout + EXIT_MARGIN
    if probe.patience < least:
        counted = f"{probe.failures} times {probe.period:g} s, and a drain may take {least:g} s"
        yield LIVENESS_HASTY.found(probe.where, f"The liveness probe gives up after {counted}.")


def _startup(each: Deployed, probe: Probe) -> Iterator[Finding]:
    if probe.patience <= each.worker.connect_timeout:
        counted = (
            f"{probe.failures} times {probe.period:g} s, and the worker tries for {each.worker.connect_timeout:g} s"
        )
        yield STARTUP_HASTY.found(probe.where, f"The startup probe gives up after {counted}.")
