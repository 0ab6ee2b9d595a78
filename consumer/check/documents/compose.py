"""The services of Compose files in which the worker runs.

May know: Compose's words. May not know: rules.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from consumer.check.documents.choice import chosen
from consumer.check.documents.composed import Project, projects, variables
from consumer.check.documents.document import Document, at, text, texts
from consumer.check.documents.images import INLINE, candidates, located
from consumer.check.documents.signals import signal_name
from consumer.check.documents.variables import filled, interpolated
from consumer.check.documents.vhosts import ADDRESSES
from consumer.check.finding import Unchecked, Where
from consumer.check.subject import Grace, Launch

DEFAULT_GRACE = 10.0
ELSEWHERE = "Compose's own environment"
MERGED = "give what `docker compose config` prints, by a pipe perhaps"
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def is_compose(document: Document) -> bool:
    """Whether it is a Compose file."""
    return not document.kind and isinstance(document.content.get("services"), Mapping)


def launches(documents: Sequence[Document], target: str, images: Sequence[Launch] = ()) -> Iterator[Launch | Unchecked]:
    """The services that run the target; of those of which a file has a part only it is said that they were left out."""
    every = [*projects(list(filter(is_compose, documents)))]
    parts: dict[Where, str] = {}
    found: list[Launch] = []
    for project in every:
        for name, service in project.services.items():
            if isinstance(service, Mapping):
                where = Where(", ".join(project.files), "", f"services.{name}")
                found.append(_launch(service, where, project.directory))
                if "extends" in service:
                    parts[where] = "it extends another service"
                elif others := _others(every, project, name):
                    parts[where] = f"{', '.join(others)} has a part of it too"
    ours = [*candidates(found, images, target)]
    yield from chosen([_whole(each, parts) for each in ours], target)


def _whole(found: Launch | Unchecked, parts: Mapping[Where, str]) -> Launch | Unchecked:
    """It, if it is none of those of which a file has a part only."""
    if isinstance(found, Unchecked) or found.where not in parts:
        return found
    return Unchecked(f"container {found.where}", f"{parts[found.where]}: {MERGED}")


def _others(every: Sequence[Project], project: Project, name: object) -> list[str]:
    """The other files beside these that have the service."""
    beside = (each for each in every if each is not project and each.directory == project.directory)
    return [", ".join(each.files) for each in beside if name in each.services]


def _launch(service: Mapping[str, Any], where: Where, directory: PurePath) -> Launch:
    environment, unread = _environment(service)
    grace = _grace(service, where)
    given = service.get("stop_signal")
    signal = None if given is None else filled(text(given))
    if grace is None:
        unread["stop_grace_period"] = ELSEWHERE
    if given is not None and signal is None:
        unread["stop_signal"] = ELSEWHERE
    return Launch(
        kind="service",
        where=where,
        command=_words(service.get("entrypoint")) + _words(service.get("command")),
        entrypoint=len(_words(service.get("entrypoint"))),
        cleared=service.get("entrypoint") in ("", []),
        image=interpolated(text(service.get("image"))),
        build=_dockerfile(service, directory),
        stage=interpolated(text(at(service, "build", "target"))).lower(),
        environment=environment,
        unread=unread,
        grace=grace,
        stop_signal=None if signal is None else (signal_name(signal), where.at("stop_signal")),
    )


def _dockerfile(service: Mapping[str, Any], directory: PurePath) -> str:
    """The one that it is built from; empty: it is built from none, or from one of elsewhere."""
    build = service.get("build")
    told = build if isinstance(build, Mapping) else {"context": build}
    context, name = text(told.get("context")), text(told.get("dockerfile")) or "Dockerfile"
    if told.get("dockerfile_inline") is not None:
        return INLINE
    return located(directory / context / name) if build is not None else ""


def _grace(service: Mapping[str, Any], where: Where) -> Grace | None:
    period = service.get("stop_grace_period")
    seconds = DEFAULT_GRACE if period is None else duration(text(period))
    return None if seconds is None else Grace(seconds, where.at("stop_grace_period"), default=period is None)


def duration(given: str) -> float | None:
    """Seconds: of `1m30s`, `35s`, `10`. None: it is no duration, or a variable that has no default."""
    value = filled(given) or ""
    if re.fullmatch(r"\d+", value):
        return float(value)
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)", value)
    if not value or "".join(number + unit for number, unit in parts) != value:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _words(given: object) -> tuple[str, ...]:
    """Compose splits a text as a shell would, and starts no shell."""
    if not isinstance(given, str):
        return tuple(map(interpolated, texts({"words": given}, "words")))
    line = interpolated(given)
    try:
        return tuple(shlex.split(line))
    except ValueError:  # a quote that is never closed: Compose says so itself
        return tuple(line.split())


def _environment(service: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables whose values are known, and where those of ours are whose values are not."""
    given = variables(service.get("environment"))
    values = {name: None if value is None else filled(text(value)) for name, value in given.items()}
    known = {name: value for name, value in values.items() if value is not None}
    unread = {name: ELSEWHERE for name in values if name not in known and (_is_setting(name) or name in ADDRESSES)}
    if at(service, "env_file") is not None:
        unread["the LASTCALL_ settings in env_file"] = "a file"
    return known, unread


def _is_setting(name: str) -> bool:
    return name.startswith("LASTCALL_") and not name.endswith("_URL")
