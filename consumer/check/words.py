"""The words of a command line: which worker it runs, and with which settings.

May know: how a worker is run, environments. May not know: which settings there are, rules.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from consumer.check.script import commands, is_assignment
from consumer.check.wrappers import unwrapped

PREFIX = "LASTCALL_"
BRANCHES = frozenset({"if", "case", "for", "while", "until"})
TARGET = re.compile(r"[\w.]+:[\w.]+")
_PARAMETER = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


@dataclass(frozen=True, slots=True)
class Start:
    """A command that runs a worker: its arguments behind `run`, and the variables that the line itself gives it."""

    arguments: tuple[str, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What a place says of settings, by their names, as text.

    `unread`: those whose values hold a variable that isn't known. `differing`: those that a script gives differently to
    the worker that it starts here, and to the one that it starts there.
    """

    environment: Mapping[str, str]
    settings: Mapping[str, str]
    unread: frozenset[str]
    differing: frozenset[str]


def starts(command: Sequence[str], target: str = "", given: Mapping[str, str] | None = None) -> Iterator[Start]:
    """The commands that run a worker: the whole one, or else those of scripts within it.

    They are known by `lastcall run`, or else by the target: something else runs that.
    """
    words, variables = tuple(command), {**(given or {})}
    behind = _behind_run(words)
    inner = [*_in_scripts(words, target, {**variables, **_assigned(words)})] if behind is None else []
    if behind is None and not inner and target in words and not _is_another_command(words):
        behind = words[1:] if words[0] == "run" else words[words.index(target) + 1 :]
    if behind is not None:
        yield Start(behind, {**variables, **_assigned(words[: len(words) - len(behind)])})
    yield from inner


def runs(command: Sequence[str], target: str) -> bool:
    """Whether the command runs this worker."""
    return any(target in words for words in _lines(command)) and any(starts(command, target))


def may_run(command: Sequence[str], variables: Iterable[str], target: str) -> bool:
    """Whether it runs a worker of ours, or may do so by its variables: another command of Lastcall's does not."""
    if runs(command, target) or any(starts(command)):
        return True
    lines = [bare for each in _lines(command) if (bare := unwrapped(each))]
    if any(map(_is_another_command, lines)):
        return False
    return any(_is_ours(each, 0) for each in lines) or any(each.startswith(PREFIX) for each in variables)


def other_worker(command: Sequence[str], target: str) -> str | None:
    """The worker that `lastcall run` is told to run, if it is another one."""
    for words in _lines(command):
        for before, word in pairwise(words):
            if before == "run" and TARGET.fullmatch(word) and word != target:
                return word
    return None


def told(command: Sequence[str], environment: Mapping[str, str], flags: Iterable[str], target: str) -> Told:
    """What the environment, then the command line's variables and flags say of settings."""
    names = {f"--{name.replace('_', '-')}": name for name in flags}
    every = [*starts(command, target)] or [Start((), {})]
    variables = [_variables(each, environment) for each in every]
    found = [_settings(each, known, names) for each, known in zip(every, variables, strict=True)]
    first, all_names = found[0], {name for settings in found for name in settings}
    differing = {name for name in all_names if any(each.get(name) != first.get(name) for each in found)}
    unread = {name for name in all_names - differing if is_open(first[name])}
    settled = {name: value for name, value in first.items() if name not in differing | unread}
    return Told(variables[0], settled, frozenset(unread), frozenset(differing))


def is_open(value: str) -> bool:
    """Whether something is still to be filled in."""
    return "$" in value or "`" in value


def _behind_run(words: tuple[str, ...]) -> tuple[str, ...] | None:
    for number, word in enumerate(words[1:]):
        if word == "run" and _is_ours(words, number):
            return words[number + 2 :]
    return None


def _in_scripts(words: Sequence[str], target: str, variables: Mapping[str, str]) -> Iterator[Start]:
    """What the scripts among the words start. What one sets on a condition is not known."""
    for script in filter(_has_words, words):
        parts, known = commands(script) or (), dict(variables)
        is_plain = not any(each.words[0] in BRANCHES or "||" in each.after for each in parts)
        for part in parts:
            if part.bare[:1] in {(), ("export",)}:
                known |= {name: value if is_plain else "$" for name, value in _assigned(part.words).items()}
            yield from starts(part.words, target, known)


def _variables(start: Start, environment: Mapping[str, str]) -> dict[str, str]:
    variables = dict(environment)
    for name, value in start.variables.items():
        variables[name] = _filled(value, variables)
    return variables


def _settings(start: Start, variables: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in variables.items()
        if name.startswith(PREFIX) and value
    }
    return given | _flags([_filled(each, variables) for each in start.arguments], names)


def _flags(words: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for number, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in names:
            following = words[number + 1] if number + 1 < len(words) else ""
            found[names[flag]] = value if equals else following
    return found


def _filled(value: str, variables: Mapping[str, str]) -> str:
    """With the variables that are known; the others stay."""
    return _PARAMETER.sub(lambda each: variables.get(each[1] or each[2], each[0]), value)


def _assigned(words: Iterable[str]) -> dict[str, str]:
    return {name: value for name, _, value in (each.partition("=") for each in words if is_assignment(each))}


def _lines(command: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The command, and those of the scripts within it."""
    yield tuple(command)
    for script in filter(_has_words, command):
        for part in commands(script) or ():
            yield from _lines(part.words)


def _has_words(word: str) -> bool:
    return len(word.split()) > 1


def _is_ours(words: Sequence[str], number: int) -> bool:
    """Whether the word there is Lastcall's command, by its name or as `-m consumer`."""
    by_module = words[number] == "consumer" and number > 0 and words[number - 1] == "-m"
    return by_module or PurePosixPath(words[number]).name == "lastcall"


def _is_another_command(words: Sequence[str]) -> bool:
    """Whether it is Lastcall's command, and not `run`: `lastcall check`, say, or `parked`."""
    words = tuple(unwrapped(words)) or ("",)
    places = [0, *(number + 1 for number, word in enumerate(words[:-1]) if word == "-m")]
    return any(_is_ours(words, each) and words[each + 1 : each + 2] not in {(), ("run",)} for each in places)
