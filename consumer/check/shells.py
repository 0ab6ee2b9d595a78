"""Which shell runs what, and whether a stop signal gets past it.

May know: how shells are called, what wraps them. May not know: settings, rules.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from consumer.check.script import CLAUSES, Command, commands
from consumer.check.words import TARGET, starts
from consumer.check.wrappers import name_of, unwrapped

Fate: TypeAlias = Literal["gone", "stays", "unknown"]
"""Of the shell that starts a worker: the worker takes its place; it stays in front of it; that can't be told."""

SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_NOT_READ = frozenset({"case", "eval", "function", "source", "."})
BACKGROUND = re.compile(r"(?<![&<>])&(?![&>])|\bcoproc\b")
"""Where it may stand in a script, quoted or not, that something is put in the background."""
_TERM = frozenset({"TERM", "SIGTERM", "15"})


def script_of(command: Sequence[str]) -> str | None:
    """The script that a shell is given by `-c`; None: no shell is."""
    words = unwrapped(command)
    if not words or not _is_shell(words[0]):
        return None
    is_script, operand = _operand(words[1:])
    return operand if is_script else None


def runs_file(command: Sequence[str]) -> str | None:
    """The script file that is run first, by a shell or by itself; None: it is no such file, as far as can be told."""
    words = unwrapped(command)
    if words and _is_shell(words[0]):
        is_script, operand = _operand(words[1:])
        return None if is_script else operand or None
    return words[0] if words and words[0].endswith(".sh") else None


def fate(command: Sequence[str]) -> Fate:
    """What becomes of the shell that the command starts; `gone` too, if it starts none."""
    script = script_of(command)
    if script is None:
        return "gone"
    parts = commands(script)
    if parts is None:
        return "unknown"
    fates = [_fate(each) for each in deciding(parts)]
    if "stays" not in fates:
        return "unknown" if "unknown" in fates else "gone"
    if name_of(unwrapped(command)[0]) == "bash" and _is_last_and_alone(parts):
        return "gone" if len(parts) == 1 and not set(script) & set("<>") else "unknown"
    handled = traps(script) and BACKGROUND.search(script) is not None
    return "unknown" if handled or any(map(_is_not_read, parts)) else "stays"


def started(command: Sequence[str]) -> Iterator[Sequence[str]]:
    """The command, and those by which its script starts the worker: `dumb-init x` of `sh -c "exec dumb-init x"`."""
    yield command
    for each in deciding(commands(script_of(command) or "") or ()):
        yield from started(each.bare[1:] if each.bare[:1] == ("exec",) else each.bare)


def traps(script: str) -> bool:
    """Whether it says itself what SIGTERM does: of use only to what it has put in the background."""
    return any(map(_traps, commands(script) or ()))


def shown(script: str) -> str:
    """The command that decides, without anything that may be a secret: its program, and the worker."""
    parts = commands(script)
    words = deciding(parts)[-1].bare if parts else ()
    if not words:
        return "a script"
    for start in starts(words):
        named = [each for each in start.arguments if TARGET.fullmatch(each)]
        return " ".join(("lastcall run", *named[:1]))
    return words[1] if words[0] == "exec" and len(words) > 1 else words[0]


def deciding(parts: Sequence[Command]) -> list[Command]:
    """The commands that start the worker, in a script; the last one, if none is seen to."""
    return [each for each in parts if any(starts(each.words))] or list(parts[-1:])


def _fate(part: Command) -> Fate:
    words = part.bare
    if words[:1] != ("exec",) or part.has_its_own_shell:
        return "stays"
    return fate(words[1:]) if len(words) > 1 else "stays"


def _is_last_and_alone(parts: Sequence[Command]) -> bool:
    """A new bash makes its last command take its place by itself: from 5.0 a single one, later more."""
    last = parts[-1]
    return deciding(parts) == [last] and last.words[0] not in CLAUSES and not last.has_its_own_shell


def _is_not_read(part: Command) -> bool:
    """What a script may do that is beyond this reading."""
    return bool(_NOT_READ & set(part.bare[:1])) or any("`" in word or "<<" in word for word in part.words)


def _traps(part: Command) -> bool:
    name, *rest = part.bare or ("",)
    return name == "trap" and rest[:1] not in (["-"], [""]) and bool(_TERM & set(rest[1:]))


def _operand(given: Sequence[str]) -> tuple[bool, str]:
    """What a shell runs, and whether that is a script (`-c`) or the name of a file."""
    is_script, rest = False, iter(given)
    for word in rest:
        if not re.match(r"[-+].", word):
            return is_script, word
        if re.fullmatch(r"[-+]\w*[oO]", word):  # set -o NAME, shopt -O NAME
            next(rest, None)
        is_script = is_script or re.fullmatch(r"-\w*c\w*", word) is not None
    return is_script, ""


def _is_shell(word: str) -> bool:
    return name_of(word) in SHELLS
