"""From a text to its documents: YAML and JSON. What is told of a wrong one never quotes it: it may be a Secret.

May know: PyYAML. May not know: files, what documents mean.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from consumer.check.documents.composed import InsteadList, InsteadMapping
from consumer.check.documents.document import Document, flattened
from consumer.errors import ConfigurationError

TEMPLATE = "A template must be rendered first: `kubectl kustomize`, `helm template`."
_QUOTED = re.compile(r"""(['"])(?!<).{2,}\1""")


class Unreadable(ConfigurationError):  # noqa: N818 - says what is so, as the other errors of the package do
    """A text, or a file, that nothing can be made of."""


def documents(source: str, text: str, *, named: bool = False) -> list[Document]:
    """The documents in it, and in its lists. Raises Unreadable; ConfigurationError where PyYAML is not installed."""
    try:
        return list(flattened(Document(source, each, named) for each in _mappings(_parsed(source, text))))
    except RecursionError as error:
        raise Unreadable(f"--manifests {source}: it is nested too deeply.") from error


def _mappings(contents: Iterable[object]) -> list[Mapping[str, Any]]:
    """A document may be a list of such."""
    each_of = (content if isinstance(content, list) else [content] for content in contents)
    return [each for content in each_of for each in content if isinstance(each, Mapping)]


def _parsed(source: str, text: str) -> list[object]:
    if source.endswith(".json"):
        try:
            return [json.loads(text)]
        except json.JSONDecodeError as error:
            told = f"{error.msg}, line {error.lineno}, column {error.colno}"
            raise Unreadable(f"--manifests {source}: it is no JSON ({told}).") from None
        except ValueError:
            raise Unreadable(f"--manifests {source}: it has a number that is too long.") from None
    return _yaml(source, text)


def _yaml(source: str, text: str) -> list[object]:
    try:
        import yaml  # noqa: PLC0415 - only who gives manifests needs it
    except ImportError:
        raise ConfigurationError("--manifests needs PyYAML: pip install 'lastcall[check]'.") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Takes what has a tag of somebody's own (`!Ref`, `!reset`) as if it had none."""

    def untagged(loader: Any, node: Any) -> object:
        if node.tag == "!reset":
            return InsteadList()
        if isinstance(node, yaml.MappingNode):
            there = loader.construct_mapping(node, deep=True)
            return InsteadMapping(there) if node.tag == "!override" else there
        if isinstance(node, yaml.SequenceNode):
            items = loader.construct_sequence(node, deep=True)
            return InsteadList(items) if node.tag == "!override" else items
        return loader.construct_scalar(node)

    Loader.add_constructor(None, untagged)
    try:
        return list(yaml.load_all(text, Loader))
    except yaml.YAMLError as error:
        raise Unreadable(f"--manifests {source}: it is no YAML ({_told(error)}). {TEMPLATE}") from None
    except (ValueError, TypeError, AttributeError, OverflowError, LookupError):  # as PyYAML makes values of them
        raise Unreadable(f"--manifests {source}: a value in it is not what its type says.") from None


def _told(error: Exception) -> str:
    """What is wrong and where, without the line itself, which a YAMLError would show."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be read"
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return f"{_QUOTED.sub('…', ' '.join(str(problem).split()))}{where}"
