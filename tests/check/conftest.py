"""Workers that read no settings of the tests' own surroundings."""

import pytest


@pytest.fixture(autouse=True)
def nothing_set(bare_environment: object) -> None:
    """No LASTCALL_ variable, no .env file."""
