"""A Dockerfile, taken apart into its instructions.

May know: its grammar: comments, continued lines, heredocs, the escape directive. May not know: what they mean.
"""

import re
from collections.abc import Iterator

WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
_DIRECTIVE = re.compile(r"#\s*(?P<name>\w+)\s*=\s*(?P<value>\S+)\s*")
_HEREDOC = re.compile(
    r"""'[^']*'|"(?:\\.|[^"\\])*"|(?:(?<=\s)|^)\d*<<(?P<tabs>-?)(["']?)(?P<name>[^\s<"']+)\2(?=\s|$)"""
)


class Unclosed(ValueError):  # noqa: N818 - says what is so, as the other errors of the package do
    """A heredoc that is never closed; the text says which and where."""


def escape(text: str) -> str:
    """The character that continues a line and takes the meaning from the next one: the first lines may name another."""
    for line in text.splitlines():
        found = _DIRECTIVE.fullmatch(line)
        if found is None:
            break
        if found["name"].lower() == "escape" and found["value"] in "\\`":
            return found["value"]
    return "\\"


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each a word and the rest: continued lines joined, comments and what heredocs hold left out. Raises Unclosed."""
    lines, escaping = enumerate(text.splitlines(), start=1), escape(text)
    for number, line in lines:
        if not _says_something(line):
            continue
        word, *rest = _joined(line.lstrip(), lines, escaping).split(None, 1) or [""]
        if not word:  # nothing but the mark that the line goes on
            continue
        yield word.upper(), "".join(rest).strip()
        if _may_have_heredocs(word.upper(), "".join(rest)):
            _pass_heredocs(number, "".join(rest), lines)


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _joined(line: str, lines: Iterator[tuple[int, str]], escaping: str) -> str:
    mark = re.escape(escaping)
    goes_on, whole = re.compile(rf"((?:.*[^{mark}])?){mark}[ \t]*"), ""
    while found := goes_on.fullmatch(line):
        whole += found[1]
        line = next((each for _, each in lines if _says_something(each)), "")
    return whole + line


def _may_have_heredocs(word: str, rest: str) -> bool:
    inner = rest.split(None, 1)[:1] if word == "ONBUILD" else [word]
    return any(each.upper() in WITH_HEREDOCS for each in inner)


def _pass_heredocs(number: int, rest: str, lines: Iterator[tuple[int, str]]) -> None:
    for found in _HEREDOC.finditer(rest):
        name, strips = found["name"], bool(found["tabs"])
        if name and not any((line.lstrip("\t") if strips else line) == name for _, line in lines):
            raise Unclosed(f"line {number}: the heredoc {name} is never closed")
