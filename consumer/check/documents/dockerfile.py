"""What a Dockerfile starts, and the variables that it gives to that.

May know: its instructions. May not know: rules.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from consumer.check.documents.images import joined
from consumer.check.documents.instructions import escape, instructions
from consumer.check.documents.signals import signal_name
from consumer.check.finding import Where
from consumer.check.subject import Launch

SHELL = ("/bin/sh", "-c")
ELSEWHERE = "a variable of the image's build"


def is_dockerfile(name: str) -> bool:
    """Whether a file of this name is one."""
    named = r"(?:Dockerfile|Containerfile)(?:\..+)?|.+\.(?:[Dd]ockerfile|[Cc]ontainerfile)"
    return bool(re.fullmatch(named, name)) and not name.endswith((".dockerignore", ".containerignore"))


@dataclass
class _Stage:
    """What one is that is built on it: a stage by its name, or the last one. `is_own`: it names its command itself."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    is_own: bool = False
    signal: str | None = None
    shell: tuple[str, ...] = SHELL
    environment: dict[str, str | None] = field(default_factory=dict)

    def read(self, word: str, rest: str, escaping: str) -> None:
        """Take in an instruction."""
        if word == "ENTRYPOINT":
            self.entrypoint = _words(rest, self.shell)
            self.command = self.command if self.is_own else ()  # what the base started goes with its entrypoint
        elif word == "CMD":
            self.command, self.is_own = _words(rest, self.shell), True
        elif word == "SHELL":
            self.shell = _words(rest, self.shell)
        elif word == "STOPSIGNAL":
            self.signal = None if "$" in rest else signal_name(rest)  # else it is known to who builds it
        elif word == "ENV":
            self.environment = self.environment | dict(_variables(rest, escaping))


def launch(source: str, text: str) -> Launch:
    """What its last stage starts, and each that has a name: ENTRYPOINT with CMD, or CMD alone. Raises Unclosed."""
    stage, stages, escaping = _Stage(), dict[str, _Stage](), escape(text)
    for word, rest in instructions(text):
        if word == "FROM":
            base, _, name = " ".join(rest.lower().split()).partition(" as ")
            below = stages.get("".join(base.split()[-1:]), _Stage())  # behind --platform=…
            stage = stages[name] = replace(below, is_own=False)
        elif rest:  # a build refuses one that says nothing
            stage.read(word, rest, escaping)
    named = {name: _launch(source, each) for name, each in stages.items() if name}
    return replace(_launch(source, stage), stages=named)


def _launch(source: str, stage: _Stage) -> Launch:
    return Launch(
        kind="image",
        where=Where(source, "", "ENTRYPOINT" if stage.entrypoint else "CMD"),
        command=joined(stage.entrypoint, stage.command),
        entrypoint=len(stage.entrypoint),
        environment={name: value for name, value in stage.environment.items() if value is not None},
        unread={name: ELSEWHERE for name, value in stage.environment.items() if value is None and _is_setting(name)},
        stop_signal=None if stage.signal is None else (stage.signal, Where(source, "", "STOPSIGNAL")),
    )


def _words(rest: str, shell: tuple[str, ...]) -> tuple[str, ...]:
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        return (*shell, rest)
    return tuple(map(str, words)) if isinstance(words, list) else (*shell, rest)


def _variables(rest: str, escaping: str) -> Iterator[tuple[str, str | None]]:
    """`ENV A=1 B=2`, or `ENV A 1`. None: the value holds a variable of the build."""
    lexer = shlex.shlex(rest, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", escaping
    name, *value = rest.split(None, 1)
    try:
        pairs = [(name, "".join(value))] if "=" not in name else [each.split("=", 1) for each in lexer if "=" in each]
    except ValueError:  # a quote that is never closed: a build refuses it
        return
    for each, given in pairs:
        yield each, None if "$" in given else given


def _is_setting(name: str) -> bool:
    return name.startswith("LASTCALL_") and not name.endswith("_URL")
