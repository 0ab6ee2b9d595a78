"""What scales pods: KEDA's ScaledObject and ScaledJob, and a HorizontalPodAutoscaler.

May know: their shapes. May not know: rules.
"""

from collections.abc import Iterator, Sequence

from consumer.check.documents.document import Document, at, mapping, mappings, text
from consumer.check.subject import Scaler, Trigger


def scalers(documents: Sequence[Document]) -> Iterator[Scaler]:
    """All of them."""
    for each in documents:
        if each.kind in {"ScaledObject", "HorizontalPodAutoscaler"}:
            reference = mapping(each.content, "spec", "scaleTargetRef")
            target = (text(reference.get("kind")) or "Deployment", text(reference.get("name")))
            yield Scaler(each.kind, each.where, target, tuple(_triggers(each)))
        elif each.kind == "ScaledJob":
            rollout = text(
                at(each.content, "spec", "rollout", "strategy") or at(each.content, "spec", "rolloutStrategy")
            )
            yield Scaler(each.kind, each.where, (each.kind, each.name), tuple(_triggers(each)), rollout)


def _triggers(document: Document) -> Iterator[Trigger]:
    for position, trigger in enumerate(mappings(document.content, "spec", "triggers")):
        told = mapping(trigger, "metadata")
        yield Trigger(
            where=document.where.at(f"spec.triggers[{position}]"),
            type=text(trigger.get("type")).lower(),
            protocol=text(told.get("protocol")).lower(),
            exclude_unacked=text(told.get("excludeUnacknowledged")).lower(),
            host=text(told.get("host")).lower(),
            queue=text(told.get("queueName")),
        )
