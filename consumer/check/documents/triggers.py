"""A KEDA trigger, with what it takes from elsewhere: a TriggerAuthentication, the environment of what it scales.

May know: KEDA's shapes. May not know: rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from consumer.check.documents.document import Document, at, mapping, mappings, text
from consumer.check.documents.environment import environment, stores
from consumer.check.documents.pods import POD_AT
from consumer.check.subject import Trigger


def triggers(scaler: Document, target: tuple[str, str], documents: Sequence[Document]) -> Iterator[Trigger]:
    """Those of a scaler of that target (a kind and a name)."""
    for position, trigger in enumerate(mappings(scaler.content, "spec", "triggers")):
        told = mapping(trigger, "metadata")
        protocol, host = (_value(name, trigger, scaler, target, documents) for name in ("protocol", "host"))
        yield Trigger(
            where=scaler.where.at(f"spec.triggers[{position}]"),
            type=text(trigger.get("type")).lower(),
            protocol=protocol.lower(),
            exclude_unacked=text(told.get("excludeUnacknowledged")).lower(),
            host=host.lower(),
            queue=text(told.get("queueName")),
        )


def _value(
    name: str, trigger: Mapping[str, Any], scaler: Document, target: tuple[str, str], documents: Sequence[Document]
) -> str:
    """What it is told by that name; empty: nothing, or what was not given tells it."""
    told = mapping(trigger, "metadata")
    named = text(told.get(f"{name}FromEnv"))
    return (
        text(told.get(name))
        or _by_authentication(name, trigger, scaler, target, documents)
        or (_environment(scaler, target, documents, "").get(named, "") if named else "")
    )


def _by_authentication(
    name: str, trigger: Mapping[str, Any], scaler: Document, target: tuple[str, str], documents: Sequence[Document]
) -> str:
    reference = mapping(trigger, "authenticationRef")
    wanted = (text(reference.get("kind")) or "TriggerAuthentication", text(reference.get("name")))
    for each in documents:
        if (each.kind, each.name) != wanted or each.namespace not in {scaler.namespace, ""}:
            continue
        held = stores(documents, scaler.namespace)
        for kind, key in (("Secret", "secretTargetRef"), ("ConfigMap", "configMapTargetRef")):
            for source in mappings(each.content, "spec", key):
                if text(source.get("parameter")) == name:
                    return held.get((kind, text(source.get("name"))), {}).get(text(source.get("key"))) or ""
        for source in mappings(each.content, "spec", "env"):
            if text(source.get("parameter")) == name:
                there = _environment(scaler, target, documents, text(source.get("containerName")))
                return there.get(text(source.get("name")), "")
    return ""


def _environment(scaler: Document, target: tuple[str, str], documents: Sequence[Document], name: str) -> dict[str, str]:
    """Of the container that KEDA looks at: the one that is named, or the first one."""
    wanted = name or text(
        at(scaler.content, "spec", "scaleTargetRef", "envSourceContainerName")
        or at(scaler.content, "spec", "envSourceContainerName")
    )
    for each in documents:
        if (each.kind, each.name) == target and each.namespace == scaler.namespace and each.kind in POD_AT:
            for container in mappings(each.content, *POD_AT[each.kind], "containers"):
                if wanted in {"", text(container.get("name"))}:
                    return environment(container, stores(documents, each.namespace)).known
    return {}
