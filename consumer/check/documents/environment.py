"""The environment of a container, as the kubelet makes it of the container's own variables, ConfigMaps and Secrets.

May know: where a container's variables come from. May not know: what they mean, rules.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from consumer.check.documents.document import Document, mapping, mappings, text

Stores: TypeAlias = Mapping[tuple[str, str], Mapping[str, str]]
"""What ConfigMaps and Secrets hold, by their kind and name."""
_REFERENCE = re.compile(r"\$\$|\$\(([\w.-]+)\)")
_REFERRED = {"configMap": "ConfigMap", "secret": "Secret"}


def stores(documents: Sequence[Document], namespace: str) -> Stores:
    """Those that a pod of this namespace may name."""
    own = (each for each in documents if each.kind in _REFERRED.values() and each.namespace == namespace)
    return {(each.kind, each.name): _held(each) for each in own}


def environment(container: Mapping[str, Any], held: Stores) -> tuple[dict[str, str], dict[str, str]]:
    """The variables whose values are known, and where those of ours are whose values are not."""
    known: dict[str, str] = {}
    unread: dict[str, str] = {}
    for source in mappings(container, "envFrom"):
        prefix = text(source.get("prefix"))
        for kind in _REFERRED:
            store = _named(kind, mapping(source, f"{kind}Ref"))
            if store in held:
                known |= {f"{prefix}{key}": value for key, value in held[store].items()}
            elif store[1]:
                if_any = ", if any," if kind == "secret" else ""
                unread[f"the LASTCALL_ settings in {' '.join(store)}{if_any}"] = " ".join(store)
    for each in mappings(container, "env"):
        name, source = text(each.get("name")), mapping(each, "valueFrom")
        known.pop(name, None)
        value = _referred(source, held) if source else each.get("value")
        if value is not None:
            known[name] = text(value) if source else expanded(text(value), known)
        elif source and name.startswith("LASTCALL_") and not name.endswith("_URL"):
            unread[name] = _place(source)
    return known, unread


def expanded(value: str, known: Mapping[str, str]) -> str:
    """With each `$(NAME)` that is known filled in, as the kubelet does; the others stay. `$$` is a `$`."""
    return _REFERENCE.sub(lambda each: "$" if each[1] is None else known.get(each[1], each[0]), value)


def _held(store: Document) -> dict[str, str]:
    plain = {key: text(value) for key, value in mapping(store.content, "data").items()}
    if store.kind == "ConfigMap":
        return plain
    decoded = {key: _decoded(value) for key, value in plain.items()}
    given = {key: text(value) for key, value in mapping(store.content, "stringData").items()}
    return {key: value for key, value in {**decoded, **given}.items() if value is not None}


def _decoded(value: str) -> str | None:
    try:
        return b64decode(value, validate=True).decode()
    except ValueError:  # it stands for something that is filled in later
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


def _place(source: Mapping[str, Any]) -> str:
    for kind in _REFERRED:
        store = _named(kind, mapping(source, f"{kind}KeyRef"))
        if store[1]:
            return " ".join(store)
    return "what valueFrom names"
