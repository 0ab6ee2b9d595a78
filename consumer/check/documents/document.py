"""A parsed document, and how to reach into one that may have any shape.

May know: nested mappings and lists. May not know: what they mean.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from consumer.check.finding import Where


@dataclass(frozen=True, slots=True)
class Document:
    """One of the documents of a file (or of stdin)."""

    source: str
    content: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What Kubernetes calls its kind; empty: it has none."""
        return str(self.content.get("kind") or "")

    @property
    def name(self) -> str:
        """Its name."""
        return str(at(self.content, "metadata", "name") or "")

    @property
    def where(self) -> Where:
        """The document as a place."""
        return Where(self.source, f"{self.kind}/{self.name}" if self.kind else "")


def flattened(documents: Iterable[Document]) -> Iterator[Document]:
    """The documents, with what a List holds in its place."""
    for each in documents:
        items = each.content.get("items")
        if each.kind.endswith("List") and isinstance(items, list):
            yield from flattened(Document(each.source, item) for item in items if isinstance(item, Mapping))
        else:
            yield each


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
    """A scalar as an environment or a command line would have it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def number(content: object, *path: str, default: float) -> float:
    """The number that is there; `default`, if there is none."""
    found = at(content, *path)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else default
