"""A parsed document, and how to reach into one that may have any shape.

May know: nested mappings and lists. May not know: what they mean.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from consumer.check.finding import Where

LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class Document:
    """One of the documents of a file (or of stdin). `named`: the file was given by its name, not with its directory."""

    source: str
    content: Mapping[str, Any]
    named: bool = False

    @property
    def kind(self) -> str:
        """What Kubernetes calls its kind; empty: it has none."""
        return text(self.content.get("kind"))

    @property
    def name(self) -> str:
        """Its name."""
        return text(at(self.content, "metadata", "name"))

    @property
    def namespace(self) -> str:
        """Its namespace; empty: it has none of its own."""
        return text(at(self.content, "metadata", "namespace"))

    @property
    def where(self) -> Where:
        """The document as a place."""
        return Where(self.source, f"{self.kind}/{self.name}" if self.kind else "")


def flattened(documents: Iterable[Document], within: frozenset[int] = frozenset()) -> Iterator[Document]:
    """The documents, with what a List holds in its place; one that holds itself (YAML can) once."""
    for each in documents:
        items = each.content.get("items")
        if not each.kind.endswith("List") or not isinstance(items, list):
            yield each
        elif id(items) not in within:
            kind = each.kind.removesuffix("List")  # a DeploymentList need not say it of each
            inside = [{"kind": kind, **item} for item in items if isinstance(item, Mapping)]
            yield from flattened((Document(each.source, item, each.named) for item in inside), within | {id(items)})


def at(content: object, *path: str) -> Any:
    """What is there; None: nothing, or the way leads through something else than mappings."""
    for key in path:
        if not isinstance(content, Mapping):
            return None
        content = content.get(key)
    return content


def mapping(content: object, *path: str) -> Mapping[str, Any]:
    """The mapping that is there; an empty one, if there is none."""
    found = at(content, *path)
    return found if isinstance(found, Mapping) else {}


def mappings(content: object, *path: str) -> list[Mapping[str, Any]]:
    """The mappings in the list that is there."""
    found = at(content, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def texts(content: object, *path: str) -> tuple[str, ...]:
    """The list that is there, as texts."""
    found = at(content, *path)
    return tuple(map(text, found)) if isinstance(found, list) else ()


def text(value: object) -> str:
    """A scalar as an environment or a command line would have it; empty: it is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and finite(value) is None:  # Python refuses to write some
        return ""
    return str(value) if isinstance(value, str | int | float | date) else ""


def number(content: object, *path: str, default: float) -> float:
    """The number that is there; `default`, if there is none."""
    found = finite(at(content, *path))
    return default if found is None else found


def finite(value: object) -> float | None:
    """The value, if it is a number that can be meant: none of `true`, `.nan`, `.inf`, and not beyond all measure."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= LARGEST else None
