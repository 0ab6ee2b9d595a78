"""What is put in front of a command: inits and other small programs that start another one.

May know: how they are called. May not know: shells, workers, rules.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

WRAPPERS: Mapping[str, tuple[frozenset[str], int]] = {
    "tini": (frozenset({"-p", "-e"}), 0),
    "docker-init": (frozenset({"-p", "-e"}), 0),
    "catatonit": (frozenset(), 0),
    "podman-init": (frozenset(), 0),
    "dumb-init": (frozenset({"-r", "--rewrite"}), 0),
    "env": (frozenset({"-u", "--unset", "-C", "--chdir"}), 0),
    "gosu": (frozenset(), 1),
    "su-exec": (frozenset(), 1),
    "busybox": (frozenset(), 0),
}
"""What starts something else: its options that take a value, and how many words come before the command."""


def name_of(word: str) -> str:
    """The program that the word calls."""
    return PurePosixPath(word).name


def unwrapped(command: Sequence[str]) -> Sequence[str]:
    """What the wrappers start; the command itself, if there are none."""
    while command and name_of(command[0]) in WRAPPERS:
        command = _taken_off(command)[1]
    return command


def wrapping(command: Sequence[str]) -> Sequence[str]:
    """The wrapper that comes first, with its options, without what it starts; nothing, if none does."""
    if not command or name_of(command[0]) not in WRAPPERS:
        return ()
    return command[: len(command) - len(_taken_off(command)[1])]


def group_signaller(command: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """The init that passes signals on to all that it and the worker have started: `tini -g`, dumb-init unasked."""
    while command and (name := name_of(command[0])) in WRAPPERS:
        options, rest = _taken_off(command)
        if _signals_all(name, options, environment):
            return name
        command = rest
    return None


def _taken_off(command: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The options of the wrapper that comes first, and what it starts."""
    name = name_of(command[0])
    taking, operands = WRAPPERS[name]
    rest, options = list(command[1:]), list[str]()
    while rest and rest[0].startswith("-") and "--" not in options:
        options.append(rest.pop(0))
        if options[-1] in taking:
            del rest[:1]
    while name == "env" and rest and "=" in rest[0]:
        del rest[0]
    return options, rest[operands:]


def _signals_all(name: str, options: Collection[str], environment: Mapping[str, str]) -> bool:
    short = "".join(each[1:] for each in options if not each.startswith("--"))
    if name == "dumb-init":
        is_told = "c" in short or "--single-child" in options or environment.get("DUMB_INIT_SETSID") == "0"
        return not is_told
    if name in {"tini", "docker-init"} and "TINI_KILL_PROCESS_GROUP" in environment:  # whatever its value
        return True
    return name in {"tini", "docker-init", "catatonit", "podman-init"} and "g" in short
