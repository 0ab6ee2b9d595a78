"""Workers that read no settings of the tests' own surroundings."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

WORKER = """
from consumer import Worker
worker = Worker()
@worker.handler("orders")
async def charge(order: dict) -> None: ...
"""


@pytest.fixture(autouse=True)
def nothing_set(bare_environment: object) -> None:
    """No LASTCALL_ variable, no .env file."""


@pytest.fixture
def here(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with orders.py in it: what `orders:worker` is there."""
    (bare_environment / "orders.py").write_text(WORKER)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield bare_environment
    sys.modules.pop("orders", None)
