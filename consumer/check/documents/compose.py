"""The services of a Compose file in which the worker runs.

May know: Compose's words. May not know: rules.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from consumer.check.documents.document import Document, at, mapping, text, texts
from consumer.check.finding import Unchecked, Where
from consumer.check.subject import Grace, Launch
from consumer.check.words import other_worker, runs

DEFAULT_GRACE = 10.0
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_VARIABLE = re.compile(r"\$\{\w+(?::?-(?P<default>[^${}]*))?\}|\$\w+")


def is_compose(document: Document) -> bool:
    """Whether it is a Compose file."""
    return not document.kind and isinstance(document.content.get("services"), Mapping)


def launches(documents: Sequence[Document], target: str) -> Iterator[Launch | Unchecked]:
    """The services that run the target."""
    for document in filter(is_compose, documents):
        for name, service in mapping(document.content, "services").items():
            if not isinstance(service, Mapping):
                continue
            where = Where(document.source, "", f"services.{name}")
            command = _words(service.get("entrypoint")) + _words(service.get("command"))
            other = other_worker(command, target)
            environment, unread = _environment(service)
            ours = any(each.startswith("LASTCALL_") for each in {**environment, **unread})
            if other is not None:
                yield Unchecked(str(where), f"it runs {other}: check that one by itself")
            elif ours or runs(command, target) or any("lastcall" in word for word in command):
                yield _launch(service, where, command, environment, unread)


def _launch(
    service: Mapping[str, Any],
    where: Where,
    command: tuple[str, ...],
    environment: dict[str, str],
    unread: dict[str, str],
) -> Launch:
    period, signal = service.get("stop_grace_period"), service.get("stop_signal")
    seconds = DEFAULT_GRACE if period is None else duration(text(period))
    return Launch(
        kind="service",
        where=where,
        command=command,
        environment=environment,
        unread=unread if seconds is not None else {**unread, "stop_grace_period": text(period)},
        grace=None if seconds is None else Grace(seconds, where.at("stop_grace_period"), default=period is None),
        stop_signal=None if signal is None else (text(signal), where.at("stop_signal")),
    )


def duration(given: str) -> float | None:
    """Seconds: of `1m30s`, `35s`, `10`. None: it is no duration, or a variable that has no default."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)", filled(given) or "")
    if "".join(number + unit for number, unit in parts) != (filled(given) or "x"):
        return float(given) if re.fullmatch(r"\d+", given) else None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def filled(value: str) -> str | None:
    """The value with its variables' defaults; None: one has none."""
    if any(each["default"] is None for each in _VARIABLE.finditer(value.replace("$$", ""))):
        return None
    return _VARIABLE.sub(lambda each: each["default"], value).replace("$$", "$")


def _words(given: object) -> tuple[str, ...]:
    """Compose splits a text as a shell would, and starts no shell."""
    if isinstance(given, str):
        try:
            return tuple(shlex.split(given))
        except ValueError:  # a quote that is never closed
            return tuple(given.split())
    return texts({"words": given}, "words")


def _environment(service: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables whose values are known, and where those of ours are whose values are not."""
    given = service.get("environment")
    pairs = dict(given) if isinstance(given, Mapping) else dict(map(_pair, texts(service, "environment")))
    values = {str(name): None if value is None else filled(text(value)) for name, value in pairs.items()}
    known = {name: value for name, value in values.items() if value is not None}
    unread = {name: "Compose's own environment" for name in values if name not in known and _is_setting(name)}
    if at(service, "env_file") is not None:
        unread["the LASTCALL_ settings in env_file"] = "a file"
    return known, unread


def _pair(line: str) -> tuple[str, str | None]:
    name, equals, value = line.partition("=")
    return name, value if equals else None


def _is_setting(name: str) -> bool:
    return name.startswith("LASTCALL_") and not name.endswith("_URL")
