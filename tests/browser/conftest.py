"""What the process tests get (a gate, a queue on the real broker, workers), and a Chromium."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, chromium, program
from tests.process.conftest import gate, jobs, workers

__all__ = ["gate", "jobs", "workers"]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    path = program()
    if path is None:
        pytest.skip("there is no chromium here: deploy/local/chromium gets it")
    async with chromium(path, tmp_path) as running:
        yield running
