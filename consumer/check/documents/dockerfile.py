"""What a Dockerfile starts.

May know: its instructions. May not know: rules.
"""

import json
import re
import shlex
from collections.abc import Iterator

from consumer.check.documents.signals import signal_name
from consumer.check.finding import Where
from consumer.check.subject import Launch

SHELL = ("/bin/sh", "-c")


def is_dockerfile(name: str) -> bool:
    """Whether a file of this name is one."""
    return bool(re.fullmatch(r"(?:Dockerfile|Containerfile)(?:\..+)?|.+\.(?:[Dd]ockerfile|[Cc]ontainerfile)", name))


def launch(source: str, text: str) -> Launch:
    """What its last stage starts: ENTRYPOINT with CMD, or CMD alone."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    signal, environment = None, dict[str, str]()
    for word, rest in instructions(text):
        if word == "FROM":
            entrypoint = command = ()
            signal, environment = None, {}
        elif word == "ENTRYPOINT":
            entrypoint = _words(rest)
        elif word == "CMD":
            command = _words(rest)
        elif word == "STOPSIGNAL":
            signal = signal_name(rest)
        elif word == "ENV":
            environment |= _variables(rest)
    where = Where(source, "", "ENTRYPOINT" if entrypoint else "CMD")
    shell_alone = entrypoint[:2] == SHELL  # the shell form ignores CMD
    stop = None if signal is None else (signal, Where(source, "", "STOPSIGNAL"))
    whole = entrypoint if shell_alone else entrypoint + command
    return Launch(kind="image", where=where, command=whole, environment=environment, stop_signal=stop)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Its instructions: each a word and the rest, lines that are continued joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\s*\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word.upper(), rest.strip()


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
