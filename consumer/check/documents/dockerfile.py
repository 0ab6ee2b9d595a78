"""What a Dockerfile starts.

May know: its instructions. May not know: rules.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from consumer.check.documents.signals import signal_name
from consumer.check.finding import Where
from consumer.check.subject import Launch

SHELL = ("/bin/sh", "-c")


def is_dockerfile(name: str) -> bool:
    """Whether a file of this name is one."""
    return bool(re.fullmatch(r"(?:Dockerfile|Containerfile)(?:\..+)?|.+\.(?:[Dd]ockerfile|[Cc]ontainerfile)", name))


@dataclass
class _Stage:
    """What one is that is built on it: a stage by its name, or the last one."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    signal: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


def launch(source: str, text: str) -> Launch:
    """What its last stage starts: ENTRYPOINT with CMD, or CMD alone."""
    stage, stages = _Stage(), dict[str, _Stage]()
    for word, rest in instructions(text):
        if word == "FROM":
            base, _, name = rest.lower().partition(" as ")
            stage = stages[name.strip()] = replace(stages.get(base.strip(), _Stage()))
        elif word == "ENTRYPOINT":
            stage.entrypoint = _words(rest)
        elif word == "CMD":
            stage.command = _words(rest)
        elif word == "STOPSIGNAL":
            stage.signal = None if "$" in rest else signal_name(rest)  # else it is known to who builds it
        elif word == "ENV":
            stage.environment = stage.environment | _variables(rest)
    where = Where(source, "", "ENTRYPOINT" if stage.entrypoint else "CMD")
    shell_alone = stage.entrypoint[:2] == SHELL  # the shell form ignores CMD
    stop = None if stage.signal is None else (stage.signal, Where(source, "", "STOPSIGNAL"))
    whole = stage.entrypoint if shell_alone else stage.entrypoint + stage.command
    return Launch(kind="image", where=where, command=whole, environment=stage.environment, stop_signal=stop)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Its instructions: each a word and the rest, lines that are continued joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in filter(str.strip, re.sub(r"\\\s*\n", " ", "\n".join(lines)).splitlines()):
        word, *rest = line.split(None, 1)
        yield word.upper(), "".join(rest).strip()


def _words(rest: str) -> tuple[str, ...]:
    try:
        words = json.loads(rest)
    except ValueError:
        return (*SHELL, rest)
    return tuple(map(str, words)) if isinstance(words, list) else (*SHELL, rest)


def _variables(rest: str) -> dict[str, str]:
    try:
        words = shlex.split(rest)
    except ValueError:
        return {}
    pairs = [word.partition("=") for word in words]
    return {name: value for name, equals, value in pairs if equals and "$" not in value}
