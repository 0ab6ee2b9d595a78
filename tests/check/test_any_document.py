"""A manifest may have any shape in any place: it is read, and what can't be understood is left aside."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.check.subjects import GOOD, GOOD_SCALER, checked, spoiled
from tests.check.test_consumer_timeouts import CLUSTER
from tests.check.test_grace_periods import COMPOSE
from tests.check.test_permissions import PERMISSION
from tests.check.test_queues_that_lose import POLICY, QUEUE
from tests.check.test_scalers import ENDING

JUNK: list[Any] = [None, 7, "x", [1, None], {"a": [{}]}]


def paths(content: object, path: str = "") -> Iterator[str]:
    """Every place in it."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield f"{path}.{key}".lstrip(".")
        yield from paths(value, f"{path}.{key}")


@pytest.mark.parametrize(
    "document",
    [GOOD, GOOD_SCALER, ENDING, QUEUE, POLICY, PERMISSION, CLUSTER, COMPOSE],
    ids=lambda each: each.get("kind", "Compose"),
)
def test_anything_may_stand_anywhere(document: dict[str, Any]) -> None:
    for path in paths(document):
        for junk in JUNK:
            checked(spoiled(document, path, junk))
