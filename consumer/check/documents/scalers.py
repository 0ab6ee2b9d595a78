"""What scales pods: KEDA's ScaledObject and ScaledJob, and a HorizontalPodAutoscaler.

May know: their shapes. May not know: rules.
"""

from collections.abc import Iterator, Sequence

from consumer.check.documents.document import Document, at, mapping, text
from consumer.check.documents.triggers import triggers
from consumer.check.subject import Scaler


def scalers(documents: Sequence[Document]) -> Iterator[Scaler]:
    """All of them."""
    for each in documents:
        if each.kind in {"ScaledObject", "HorizontalPodAutoscaler"}:
            reference = mapping(each.content, "spec", "scaleTargetRef")
            target = (text(reference.get("kind")) or "Deployment", text(reference.get("name")))
            yield Scaler(each.kind, each.where, target, tuple(triggers(each, target, documents)))
        elif each.kind == "ScaledJob":
            rollout = text(
                at(each.content, "spec", "rollout", "strategy") or at(each.content, "spec", "rolloutStrategy")
            )
            target = (each.kind, each.name)
            yield Scaler(each.kind, each.where, target, tuple(triggers(each, target, documents)), rollout)
