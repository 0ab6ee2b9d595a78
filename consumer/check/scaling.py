"""What scales the workers: does it see what they have in flight, and does anybody else set their number?

May know: what is looked at, KEDA's words. May not know: how it was read.
"""

from collections.abc import Iterator

from consumer.check.finding import Finding, Rule, Unchecked
from consumer.check.subject import Deployed, Scaler, Subject, Trigger

AMQP = Rule(
    "keda-amqp",
    "error",
    "KEDA counts a queue's length without the messages that are out to workers.",
    "Over AMQP (or with excludeUnacknowledged) only ready messages count: workers with long handlers and an empty "
    "queue look idle, and are scaled in with their messages in flight, to zero even.",
    'Set `protocol: http` with the management API as `host`, and `excludeUnacknowledged: "false"`.',
)
OPEN = Rule(
    "keda-protocol",
    "warning",
    "A KEDA trigger doesn't say its protocol.",
    "It goes by the address then: one day that is amqp://, and unacked messages don't count any more.",
    "Set `protocol: http`.",
)
REPLICAS = Rule(
    "replicas-beside-scaler",
    "warning",
    "`replicas` is set beside a ScaledObject or a HorizontalPodAutoscaler.",
    "Each apply of the manifest scales the workers to that number first, under load too, and the scaler back again.",
    "Remove `replicas` from what the scaler scales.",
)
ROLLOUT = Rule(
    "scaledjob-rollout",
    "warning",
    "A ScaledJob's rollout strategy is KEDA's default.",
    "A change of the ScaledJob deletes the Jobs that run; what they were for was not to be stopped.",
    "Set `rollout: {strategy: gradual}`.",
)
ENDLESS = Rule(
    "scaledjob-endless",
    "error",
    "A ScaledJob's worker does not end by itself.",
    "Its Jobs run for ever: KEDA starts another at each poll, and what is to end them is a kill.",
    "Give it --max-messages and --idle-timeout.",
)
RULES = (AMQP, OPEN, REPLICAS, ROLLOUT, ENDLESS)


def check(subject: Subject) -> Iterator[Finding | Unchecked]:
    """Look at the scalers of our pods, and at their triggers on our queues."""
    queues = {handler.queue.name for handler in subject.handlers}
    for scaler in subject.scalers:
        scaled = [each for each in subject.deployed if _scales(scaler, each)]
        for trigger in scaler.triggers:
            if trigger.type == "rabbitmq" and (scaled or trigger.queue in queues):
                yield from _trigger(trigger)
        for each in scaled:
            yield from _job(scaler, each) if scaler.kind == "ScaledJob" else _replicas(scaler, each)


def _scales(scaler: Scaler, each: Deployed) -> bool:
    workload = each.launch.workload
    return workload is not None and (workload.kind, workload.name) == scaler.target


def _trigger(trigger: Trigger) -> Iterator[Finding]:
    protocol = trigger.protocol
    if protocol in {"", "auto"} and trigger.host:
        protocol = trigger.host.partition(":")[0].removesuffix("s")
    if protocol == "amqp":
        yield AMQP.found(trigger.where, f"The trigger on queue {trigger.queue!r} asks over AMQP.")
    elif trigger.exclude_unacked == "true":
        yield AMQP.found(trigger.where, f"The trigger on queue {trigger.queue!r} excludes unacked messages.")
    elif trigger.protocol in {"", "auto"}:
        yield OPEN.found(trigger.where, f"The trigger on queue {trigger.queue!r} does not say its protocol.")


def _replicas(scaler: Scaler, each: Deployed) -> Iterator[Finding]:
    workload = each.launch.workload
    if workload is not None and workload.replicas is not None:
        what = f"{workload.kind} {workload.name} sets replicas: {workload.replicas}, and a {scaler.kind} scales it."
        yield REPLICAS.found(workload.where.at("spec.replicas"), what)


def _job(scaler: Scaler, each: Deployed) -> Iterator[Finding]:
    if scaler.rollout in {"", "default"}:
        yield ROLLOUT.found(scaler.where.at("spec.rollout.strategy"), "The rollout strategy is the default.")
    if not each.worker.bounded:
        yield ENDLESS.found(each.launch.where, "It has neither --max-messages nor --idle-timeout.")
