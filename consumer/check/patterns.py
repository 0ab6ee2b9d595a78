"""RabbitMQ's regular expressions, matched in a time that is bounded whatever they are.

May know: two engines. May not know: what is matched.

An engine that backtracks, as Python's and RabbitMQ's do, may take for ever over `^(a+)+$`: one that does not is asked
first. What that one has no notion of (`^(?!amq)`), Python's reads where it is too small to explode.
"""

import re

from pydantic_core import SchemaError, SchemaValidator, core_schema

FEW = 3
"""Of the operators below: over a name of 255 letters so many cost seconds at the worst."""
_OPERATORS = re.compile(r"\\.|\(\?<?[=!:]|(?P<counted>\)[*+{]|\(\?(?:#|[a-zA-Z-]*x)|[*+?{|])", re.DOTALL)
"""A comment, and `x`, which allows for others, may stand between a group and its operator: they count as that."""


class Unjudged(ValueError):  # noqa: N818 - says what is so, as the other errors of the package do
    """A pattern that can't be judged; the text says why."""


def matches(pattern: str, name: str) -> bool:
    """Whether the pattern is found in the name. Raises Unjudged."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python(name)
    except SchemaError:
        pass
    counted = [each["counted"] for each in _OPERATORS.finditer(pattern) if each["counted"]]
    if len(counted) > FEW or any(len(each) > 1 for each in counted):
        raise Unjudged("it takes an engine that may need for ever")
    try:
        return re.search(pattern, name) is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise Unjudged(f"it is none that Python reads: {error}") from None
