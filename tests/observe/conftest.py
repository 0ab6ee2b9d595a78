"""A stage for tests of what is seen of a worker: its health answers on a free port."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.engine.stage import Stage
from tests.observe.asking import Ports


@pytest.fixture
def ports() -> Iterator[Ports]:
    ports, logger = Ports(), logging.getLogger("lastcall")
    before = logger.level
    logger.addHandler(ports)
    logger.setLevel(logging.INFO)
    yield ports
    logger.setLevel(before)
    logger.removeHandler(ports)


@pytest.fixture
async def stage(bare_environment: Path, ports: Ports) -> AsyncIterator[Stage]:
    stage = Stage()
    stage.make(health="127.0.0.1:0")
    yield stage
    await stage.strike()
    assert stage.loop_problems == []
