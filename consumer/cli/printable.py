"""Text of strangers, for a terminal: what a message carries may be anything, and a terminal obeys some of it.

May know: nothing but text. May not know: where it comes from.
"""


def printable(text: str, *, but: str = "\n\t") -> str:
    """The text without anything that a terminal would obey, which is shown by its codes; `but`: what may stay."""
    return "".join(c if c.isprintable() or c in but else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str, longest: int) -> str:
    """The same on one line, of so many characters at most."""
    line = printable(text[: longest + 1], but="")
    return line if len(line) <= longest else line[: longest - 1] + "…"
