"""The containers of Kubernetes manifests in which the worker runs.

May know: pod templates, and the kinds that have one. May not know: rules.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from consumer.check.documents.choice import chosen
from consumer.check.documents.document import Document, at, finite, mapping, mappings, number, text, texts
from consumer.check.documents.environment import Stores, environment, expanded, stores
from consumer.check.documents.images import candidates
from consumer.check.finding import Unchecked, Where
from consumer.check.subject import Grace, Hook, Launch, Probe, Workload

GRACE = "terminationGracePeriodSeconds"
DEFAULT_GRACE = 30
POD_AT: Mapping[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "ScaledJob": ("spec", "jobTargetRef", "template", "spec"),
}
"""Where each kind has its pod."""


def launches(documents: Sequence[Document], target: str, images: Sequence[Launch] = ()) -> Iterator[Launch | Unchecked]:
    """The containers that run the target; of those that run another worker it is said that they were left out."""
    found = [
        _launch(document, container, where, stores(documents, document.namespace))
        for document in documents
        if document.kind in POD_AT
        for container, where in _containers(document)
    ]
    for each in chosen([*candidates(found, images, target)], target):
        yield each
        if isinstance(each, Launch) and each.grace is None:
            yield Unchecked(f"the grace period of {each.where}", f"{GRACE} is no number that Kubernetes takes")


def _containers(document: Document) -> Iterator[tuple[Mapping[str, Any], Where]]:
    path = POD_AT[document.kind]
    for position, container in enumerate(mappings(document.content, *path, "containers")):
        name = text(container.get("name")) or str(position)
        yield container, document.where.at(".".join(path)).at(f"containers[{name}]")


def _launch(document: Document, container: Mapping[str, Any], where: Where, held: Stores) -> Launch:
    pod = mapping(document.content, *POD_AT[document.kind])
    pod_where = document.where.at(".".join(POD_AT[document.kind]))
    variables = environment(container, held)
    shown = {name: value for name, value in variables.known.items() if name not in variables.secret}
    given = at(pod, GRACE)
    seconds = DEFAULT_GRACE if given is None else finite(given)
    signal = at(container, "lifecycle", "stopSignal")
    replicas = finite(at(document.content, "spec", "replicas"))
    return Launch(
        kind="pod",
        where=where,
        command=tuple(expanded(each, shown) for each in texts(container, "command") + texts(container, "args")),
        entrypoint=len(texts(container, "command")),
        image=text(container.get("image")),
        environment=variables.known,
        unread=variables.unread,
        secret=frozenset(variables.secret),
        grace=None if seconds is None else Grace(seconds, pod_where.at(GRACE), default=given is None),
        hook=_hook(container, where),
        probes=tuple(_probes(container, where)),
        stop_signal=None if signal is None else (text(signal), where.at("lifecycle.stopSignal")),
        workload=Workload(document.kind, document.name, None if replicas is None else int(replicas), document.where),
    )


def _hook(container: Mapping[str, Any], where: Where) -> Hook | None:
    hook = at(container, "lifecycle", "preStop")
    if not isinstance(hook, Mapping) or not hook:
        return None
    seconds = finite(at(hook, "sleep", "seconds"))
    if "sleep" not in hook:
        slept = re.fullmatch(
            r"(?:\S*sh -\w*c )?\s*(?:/bin/)?sleep (\d+(?:\.\d+)?)s?", " ".join(texts(hook, "exec", "command"))
        )
        seconds = finite(float(slept[1])) if slept else None
    return Hook(where.at("lifecycle.preStop"), seconds)


def _probes(container: Mapping[str, Any], where: Where) -> Iterator[Probe]:
    for kind in ("startup", "liveness", "readiness"):
        probe = container.get(f"{kind}Probe")
        if isinstance(probe, Mapping):
            asked = at(probe, "httpGet", "path")
            yield Probe(
                kind=kind,
                where=where.at(f"{kind}Probe"),
                path=None if "httpGet" not in probe else text(asked or "/").partition("?")[0].rstrip("/") or "/",
                period=number(probe, "periodSeconds", default=10),
                failures=int(number(probe, "failureThreshold", default=3)),
            )
