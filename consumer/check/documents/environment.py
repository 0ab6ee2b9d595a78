"""The environment of a container, as the kubelet makes it of the container's own variables, ConfigMaps and Secrets.

May know: where a container's variables come from. May not know: what they mean, rules.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from consumer.check.documents.document import Document, mapping, mappings, text

Stores: TypeAlias = Mapping[tuple[str, str], Mapping[str, str | None]]
"""What ConfigMaps and Secrets hold, by their kind and name; None: it stands for something that is filled in later."""
_REFERENCE = re.compile(r"\$\$|\$\(([\w.-]+)\)")
_REFERRED = {"configMap": "ConfigMap", "secret": "Secret"}


@dataclass(frozen=True, slots=True)
class Variables:
    """Those whose values are `known`, where those of ours are whose are not, and which values a Secret holds."""

    known: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)

    def put(self, name: str, value: str | None, source: str, *, secret: bool) -> None:
        """The last one of a name holds. `source`: where its value is, if it is None."""
        self.known.pop(name, None)
        self.unread.pop(name, None)
        self.secret.discard(name)
        if value is not None:
            self.known[name] = value
            self.secret.update({name} if secret else ())
        elif source and name.startswith(("LASTCALL_", "AMQP_URL")):
            self.unread[name] = source


def stores(documents: Sequence[Document], namespace: str) -> Stores:
    """Those that a pod of this namespace may name."""
    own = (each for each in documents if each.kind in _REFERRED.values() and each.namespace == namespace)
    return {(each.kind, each.name): _held(each) for each in own}


def environment(container: Mapping[str, Any], held: Stores) -> Variables:
    """The container's variables: a value that is made of a Secret's is a Secret's too."""
    found = Variables()
    for source in mappings(container, "envFrom"):
        _put_all(source, held, found)
    for each in mappings(container, "env"):
        name, source, value = text(each.get("name")), mapping(each, "valueFrom"), each.get("value")
        if source:
            found.put(name, _referred(source, held), _place(source, held), secret="secretKeyRef" in source)
        else:
            given = None if value is None else text(value)
            of_secret = any(reference[1] in found.secret for reference in _REFERENCE.finditer(given or ""))
            found.put(name, given and expanded(given, found.known), "", secret=of_secret)
    return found


def _put_all(source: Mapping[str, Any], held: Stores, found: Variables) -> None:
    for kind in _REFERRED:
        store = _named(kind, mapping(source, f"{kind}Ref"))
        for key, value in held.get(store, {}).items():
            found.put(f"{text(source.get('prefix'))}{key}", value, _filling(store), secret=kind == "secret")
        if store[1] and store not in held:
            if_any = ", if any," if kind == "secret" else ""
            found.unread[f"the LASTCALL_ settings in {' '.join(store)}{if_any}"] = " ".join(store)


def expanded(value: str, known: Mapping[str, str]) -> str:
    """With each `$(NAME)` that is known filled in, as the kubelet does; the others stay. `$$` is a `$`."""
    return _REFERENCE.sub(lambda each: "$" if each[1] is None else known.get(each[1], each[0]), value)


def _held(store: Document) -> dict[str, str | None]:
    decoded = _decoded if store.kind == "Secret" else str
    held = {key: decoded(text(value)) for key, value in mapping(store.content, "data").items()}
    given = mapping(store.content, "stringData") if store.kind == "Secret" else {}
    return held | {key: text(value) for key, value in given.items()}


def _decoded(value: str) -> str | None:
    try:
        return b64decode("".join(value.split()), validate=True).decode()
    except ValueError:
        return None


def _named(kind: str, reference: Mapping[str, Any]) -> tuple[str, str]:
    return _REFERRED[kind], text(reference.get("name"))


def _referred(source: Mapping[str, Any], held: Stores) -> str | None:
    for kind in _REFERRED:
        reference = mapping(source, f"{kind}KeyRef")
        value = held.get(_named(kind, reference), {}).get(text(reference.get("key")))
        if value is not None:
            return value
    return None


def _place(source: Mapping[str, Any], held: Stores) -> str:
    for kind in _REFERRED:
        reference = mapping(source, f"{kind}KeyRef")
        store = _named(kind, reference)
        if store[1]:
            return _filling(store) if text(reference.get("key")) in held.get(store, {}) else " ".join(store)
    return "what valueFrom names"


def _filling(store: tuple[str, str]) -> str:
    """Of a value that is there, and can't be decoded."""
    return f"what fills in {' '.join(store)}"
