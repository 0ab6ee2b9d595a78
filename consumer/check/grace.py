"""The arithmetic of stopping: what the worker may take against what it is given.

May know: what is looked at. May not know: how it was read.
"""

from collections.abc import Iterator

from consumer.check.finding import Finding, Rule, Unchecked, Where
from consumer.check.subject import Deployed, Launch, Subject

EXIT_MARGIN = 1.0
"""Seconds after the drain timeout within which the worker is gone, whatever a handler does (docs/kubernetes.md)."""
JOBS = frozenset({"Job", "CronJob", "ScaledJob"})
BUSY_NODE = 5.0
"""Seconds of room, at the least, for a node on which the signal reaches the process late."""

TOO_SHORT = Rule(
    "grace-too-short",
    "error",
    "The grace period ends before the drain timeout and the exit margin of 1 s.",
    "SIGKILL comes while handlers still run: what they had is delivered again, and run twice.",
    "Raise terminationGracePeriodSeconds (compose: stop_grace_period), or lower LASTCALL_DRAIN_TIMEOUT.",
)
TIGHT = Rule(
    "grace-tight",
    "warning",
    "The grace period has less than 5 s of room beyond the drain timeout and the exit margin.",
    "The kubelet's clock starts before the signal reaches the process: on a busy node seconds lie between the two.",
    "Raise terminationGracePeriodSeconds (compose: stop_grace_period) by some seconds.",
)
HOOK = Rule(
    "prestop",
    "warning",
    "A preStop hook runs before the stop signal.",
    "Its time is taken from the grace period, and the worker takes new messages meanwhile. It is for servers, which "
    "must be out of a load balancer first; a worker has none.",
    "Remove the hook.",
)
HANDLER = Rule(
    "drain-shorter-than-handler",
    "error",
    "A handler may run longer (`timeout=`) than the drain waits. (In a Job or ScaledJob it may: nothing scales it in.)",
    "One that is under way at the stop is cancelled at the drain timeout, requeued, and run again: an orphan.",
    "Raise LASTCALL_DRAIN_TIMEOUT above the longest timeout, and the grace period with it, or run it as a ScaledJob, "
    "which nothing scales in.",
)
RULES = (TOO_SHORT, TIGHT, HOOK, HANDLER)


def check(subject: Subject) -> Iterator[Finding | Unchecked]:
    """Look at every place."""
    for each in subject.running:
        yield from _period(each)
        yield from _hook(each.launch)
        yield from _handlers(each)
    if not any(each.launch.grace for each in subject.running):
        yield Unchecked("the grace period", "nothing that was given says it: give the manifests (--manifests)")


def _period(each: Deployed) -> Iterator[Finding]:
    grace, drain = each.launch.grace, each.worker.drain_timeout
    if grace is None:
        return
    hook = (each.launch.hook.seconds if each.launch.hook else None) or 0.0
    room = grace.seconds - hook - drain - EXIT_MARGIN
    default = " (the default: nobody has set it)" if grace.default else ""
    eaten = f" less {hook:g} s of preStop" if hook else ""
    sum_ = f"{grace.seconds:g} s{default}{eaten} for a drain timeout of {drain:g} s and {EXIT_MARGIN:g} s to leave"
    if room < 0:
        yield TOO_SHORT.found(grace.where, f"The grace period is {sum_}.")
    elif room < BUSY_NODE:
        yield TIGHT.found(grace.where, f"The grace period is {sum_}: {room:g} s of room.")


def _hook(launch: Launch) -> Iterator[Finding]:
    if launch.hook is not None:
        known = launch.hook.seconds
        took = "a time that isn't known" if known is None else f"{known:g} s"
        yield HOOK.found(launch.hook.where, f"A preStop hook takes {took} of the grace period.")


def _handlers(each: Deployed) -> Iterator[Finding | Unchecked]:
    drain, open_ended = each.worker.drain_timeout, []
    is_job = each.launch.workload is not None and each.launch.workload.kind in JOBS
    for handler in each.worker.handlers:
        if handler.timeout is None:
            open_ended.append(handler.name)
        elif handler.timeout > drain and not is_job:
            what = f"Handler {handler.name!r} may run {handler.timeout:g} s, and the drain timeout is {drain:g} s."
            here = each.launch.kind == "here"
            yield HANDLER.found(Where(document=f"handler {handler.name}") if here else each.launch.where, what)
    if open_ended:
        yield Unchecked(
            f"how long {', '.join(open_ended)} may run",
            "without `timeout=` (or in a thread) nobody knows: the drain timeout and the broker's consumer_timeout "
            "must be longer than the longest run",
        )
