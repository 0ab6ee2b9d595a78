"""The variables in a Compose file: filled in with the defaults that stand there, `${D:-20}`.

May know: how Compose writes them. May not know: whose values they are.
"""

import re

_VARIABLE = re.compile(r"\$(?:\{(?P<name>\w+)(?:(?P<operator>:?[-+?])(?P<rest>[^${}]*))?\}|(?P<plain>[A-Za-z_]\w*))")
_ESCAPED, _UNKNOWN = "\0", "\1"
"""Stand for a `$` while the others are filled in."""


def interpolated(value: str) -> str:
    """The value with its variables' defaults; those without one stay, as `${D?}`. `$$` is a `$`."""
    return _marked(value).replace(_ESCAPED, "$").replace(_UNKNOWN, "$")


def filled(value: str) -> str | None:
    """The value with its variables' defaults; None: one has none."""
    marked = _marked(value)
    return None if _UNKNOWN in marked or "$" in marked else marked.replace(_ESCAPED, "$")


def _marked(value: str) -> str:
    text, before = value.replace("$$", _ESCAPED), ""
    while text != before:  # the innermost first
        text, before = _VARIABLE.sub(_default, text), text
    return text


def _default(found: re.Match[str]) -> str:
    if (found["operator"] or "").endswith("-"):
        return found["rest"]
    return f"{_UNKNOWN}{{{found['name'] or found['plain']}?}}"
