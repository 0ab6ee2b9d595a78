"""Compose files that make one project, merged as Compose does: `compose.yml` with its override, or those named in turn.

May know: Compose's rules of merging. May not know: what the parts of a service mean.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from consumer.check.documents.document import Document, mapping, texts

_BASE = re.compile(r"(?P<stem>(?:docker-)?compose)\.ya?ml")


class Instead:
    """Marks what takes the place of another file's, and is not merged with it: `!override`, and `!reset` by nothing."""


class InsteadMapping(dict[Any, Any], Instead):
    """A mapping of that kind."""


class InsteadList(list[Any], Instead):
    """A list of that kind."""


@dataclass(frozen=True, slots=True)
class Project:
    """Files that are merged, the first of which says where paths begin, and their services."""

    files: tuple[str, ...]
    services: Mapping[str, Any]

    @property
    def directory(self) -> PurePath:
        """Where paths begin."""
        return PurePath(self.files[0]).parent


def projects(files: Sequence[Document]) -> Iterator[Project]:
    """The projects that Compose files make: those that were named, of one directory, are one, in their order."""
    left = list(files)
    while left:
        together = _together(left[0], left)
        taken = set(map(id, together))
        left = [each for each in left if id(each) not in taken]
        services: Mapping[str, Any] = {}
        for each in together:
            over = mapping(each.content, "services")
            services = _merged_services({} if isinstance(over, Instead) else services, over)
        yield Project(tuple(each.source for each in together), services)


def merged(service: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One service with what a later file says of it; what that one resets (`!reset`) is gone."""
    both = {**service, **over}
    for name in (each for each in GROWING if service.get(each) and not isinstance(over.get(each), Instead)):
        read = GROWING[name]
        both[name] = {**read(service[name]), **read(over.get(name) or {})}
    return {name: value for name, value in both.items() if value is not None and not _is_reset(value)}


def variables(given: object) -> dict[str, Any]:
    """An environment in either form. None: Compose takes the value from its own environment."""
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    return dict(map(_pair, texts({"given": given}, "given")))


def _together(file: Document, files: Sequence[Document]) -> list[Document]:
    path = PurePath(file.source)
    beside = [each for each in files if PurePath(each.source).parent == path.parent]
    named = [each for each in beside if each.named]
    if file.named and len(named) > 1:
        return named
    for base in beside:
        found = _BASE.fullmatch(PurePath(base.source).name)
        over = [each for each in beside if found and _is_override(PurePath(each.source).name, found["stem"])]
        if over and any(each is file for each in (base, *over)):
            return [base, over[0]]
    return [file]


def _is_override(name: str, stem: str) -> bool:
    return name in {f"{stem}.override.yml", f"{stem}.override.yaml"}


def _merged_services(services: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    both = {**services, **{name: _merged_service(services.get(name), each) for name, each in over.items()}}
    return {name: each for name, each in both.items() if not _is_reset(over.get(name))}


def _merged_service(service: object, over: object) -> object:
    whole = service if isinstance(service, Mapping) and not isinstance(over, Instead) else {}
    return merged(whole, over) if isinstance(over, Mapping) else service


def _is_reset(value: object) -> bool:
    return isinstance(value, Instead) and not value


def _build(given: object) -> dict[str, Any]:
    return dict(given) if isinstance(given, Mapping) else {"context": given}


def _files(given: object) -> dict[str, Any]:
    """Which they are doesn't matter: none is read."""
    return {f"{given}": None} if given else {}


GROWING = {"environment": variables, "build": _build, "env_file": _files}
"""What later files add to; all else that is looked at they replace (seen on Compose 2.40)."""


def _pair(line: str) -> tuple[str, str | None]:
    name, equals, value = line.partition("=")
    return name, value if equals else None
