"""A shell's script, taken apart into its simple commands.

May know: a shell's grammar, as far as it is needed. May not know: which commands matter.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile

CLAUSES = frozenset({"if", "then", "elif", "else", "while", "until", "do", "{", "!", "time"})
ENDS = frozenset({"fi", "done", "esac", "}"})
PUNCTUATION = ";&|\n()<>"
_NOISE = re.compile(
    r"""(?P<kept>'[^']*' | "(?:\\.|[^"\\])*" | \\[^\n])
    | \\\n                                                       # a line that goes on
    | (?<![^\s;&|()]) \#[^\n]*                                   # a comment
    | (?:(?<![^\s;&|()])\d+)? (?:&>>?|>[>&|]?|(?<!<)<(?!<)[&>]?) [ \t]* [^\s;&|()<>]+  # 2>&1, >/log
    """,
    re.VERBOSE | re.DOTALL,
)

_PIPED_OR_BEHIND = re.compile(r"\)*(?:\|&?|&)(?![|&])")


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: its words, without redirections, and the operators around it (`;`, `&&`, `|`, ...)."""

    words: tuple[str, ...]
    before: str = ""
    after: str = ""

    @property
    def bare(self) -> tuple[str, ...]:
        """The words without a clause's and without assignments: `exec x` of `then FOO=1 exec x`."""
        return tuple(dropwhile(lambda word: word in CLAUSES or is_assignment(word), self.words))

    @property
    def has_its_own_shell(self) -> bool:
        """Whether it runs beside the script's shell: in a pipe, a subshell or the background."""
        ahead, behind = (each.replace("\n", "") for each in (self.before, self.after))
        is_fed = ahead.endswith(("(", "|", "|&")) and not ahead.endswith("||")
        return is_fed or _PIPED_OR_BEHIND.match(behind) is not None


def commands(script: str) -> tuple[Command, ...] | None:
    """Its simple commands, in order; None: a quote in it is never closed."""
    lexer = shlex.shlex(_NOISE.sub(_without_noise, script), posix=True, punctuation_chars=PUNCTUATION)
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = " \t\r", "", True
    try:
        return tuple(each for each in _parted(list(lexer)) if each.words and each.words[0] not in ENDS)
    except ValueError:
        return None


def is_assignment(word: str) -> bool:
    """`NAME=value`."""
    return re.match(r"[A-Za-z_]\w*=", word) is not None


def _without_noise(found: re.Match[str]) -> str:
    return found["kept"] or " "


def _parted(tokens: Sequence[str]) -> Iterator[Command]:
    before, rest = "", list(tokens)
    while rest:
        words = tuple(takewhile(lambda each: not _parts(each), rest))
        operators = tuple(takewhile(_parts, rest[len(words) :]))
        yield Command(words, before, "".join(operators))
        before, rest = "".join(operators), rest[len(words) + len(operators) :]


def _parts(token: str) -> bool:
    return bool(token) and set(token) <= set(PUNCTUATION) and not set(token) & {"<", ">"}
