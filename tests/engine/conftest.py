"""A stage for each test; afterwards the books must be in order, whatever the test was about."""

import gc
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.stage import Stage


@pytest.fixture
async def stage(bare_environment: Path) -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.strike()
    gc.collect()  # an exception that nobody has looked at is told when its future goes
    assert stage.loop_problems == []
    assert stage.fake.protocol_errors == []
    assert_settled_at_most_once(stage)


def assert_settled_at_most_once(stage: Stage) -> None:
    """Every delivery was started at most once and has at most one end: acked, requeued, or its lease lost."""
    received = Counter(stage.ids("received"))
    for name in ("started", "settled", "requeued"):
        told = Counter(stage.ids(name))
        assert told <= received, f"{name} oftener than received: {told - received}"
    ends = Counter(stage.ids("settled")) + Counter(stage.ids("requeued"))
    ends += Counter(stage.ids("lease_lost"))
    assert ends <= received, f"more ends than deliveries: {ends - received}"
