"""The words of a command: which shell runs what, and what a command line tells a worker.

May know: how shells and the usual init programs are called. May not know: settings, rules.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
INITS = frozenset({"tini", "docker-init", "catatonit"})
"""They pass a signal on to their child alone (`tini -g`: to its whole group, as dumb-init does unasked)."""
_SEPARATORS = re.compile(r"&&|\|\||[;\n|&]")


def script_of(command: Sequence[str]) -> str | None:
    """The script that a shell is given by `-c`; None: no shell is, or all that it starts get the signal too."""
    words = _behind_init(command)
    if not words or not _is_shell(words[0]):
        return None
    is_script, operand = _operand(words[1:])
    return operand if is_script else None


def runs_file(command: Sequence[str]) -> str | None:
    """The script file that is run first, by a shell or by itself; None: it is no such file, as far as can be told."""
    words = _behind_init(command)
    if words and _is_shell(words[0]):
        is_script, operand = _operand(words[1:])
        return None if is_script else operand or None
    return words[0] if words and words[0].endswith(".sh") else None


def keeps_the_signal(script: str) -> bool:
    """Whether the script's last command takes the shell's place, or the script says itself what signals do."""
    parts = [part.strip() for part in _SEPARATORS.split(script) if part.strip()]
    return not parts or parts[-1].split()[0] == "exec" or any(part.split()[0] == "trap" for part in parts)


def flat(command: Sequence[str]) -> tuple[str, ...]:
    """All words, those of a script within one too."""
    return (*command, *(part for word in command if " " in word.strip() for part in _split(word)))


def runs(command: Sequence[str], target: str) -> bool:
    """Whether the command names this worker."""
    return target in flat(command)


def other_worker(command: Sequence[str], target: str) -> str | None:
    """The worker that `lastcall run` is told to run, if it is another one."""
    words = flat(command)
    for before, word in pairwise(words):
        if before == "run" and re.fullmatch(r"[\w.]+:[\w.]+", word) and word != target:
            return word
    return None


def given_settings(command: Sequence[str], environment: Mapping[str, str], flags: Iterable[str]) -> dict[str, str]:
    """What the environment and then the command's flags say of settings: by the settings' names, as text."""
    found = {
        name.removeprefix("LASTCALL_").lower(): value
        for name, value in environment.items()
        if name.startswith("LASTCALL_") and value
    }
    words = flat(command)
    by_flag = {f"--{name.replace('_', '-')}": name for name in flags}
    for number, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in by_flag:
            following = words[number + 1] if number + 1 < len(words) else ""
            found[by_flag[flag]] = value if equals else following
    return found


def _split(script: str) -> list[str]:
    try:
        return shlex.split(script, comments=True)
    except ValueError:  # a quote that is never closed: not ours to judge
        return script.split()


def _operand(arguments: Sequence[str]) -> tuple[bool, str]:
    """What a shell runs, and whether that is a script (`-c`) or the name of a file."""
    is_script, rest = False, iter(arguments)
    for word in rest:
        if not re.match(r"[-+].", word):
            return is_script, word
        if re.fullmatch(r"[-+]\w*[oO]", word):  # set -o NAME, shopt -O NAME
            next(rest, None)
        is_script = is_script or re.fullmatch(r"-\w*c\w*", word) is not None
    return is_script, ""


def _is_shell(word: str) -> bool:
    return PurePosixPath(word).name in SHELLS


def _behind_init(command: Sequence[str]) -> Sequence[str]:
    """What is behind an init program that passes signals to its child alone; nothing, if it passes them to all."""
    if not command or (init := PurePosixPath(command[0]).name) not in INITS | {"dumb-init"}:
        return command
    rest = list(command[1:])
    options = []
    while rest and rest[0].startswith("-"):
        options.append(rest.pop(0))
    to_all = init == "dumb-init" or any("g" in option for option in options if not option.startswith("--"))
    return () if to_all else rest
