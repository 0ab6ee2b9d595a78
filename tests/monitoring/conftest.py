"""What the process tests get (a gate, a queue on the real broker, workers), and a Prometheus for all tests here."""

from collections.abc import Iterator

import pytest

from deploy.monitoring.rules import rule_file
from tests.inbox.servers import StoreMissingError
from tests.monitoring.prometheus import Prometheus
from tests.process.conftest import gate, jobs, workers

__all__ = ["gate", "jobs", "workers"]


@pytest.fixture(scope="package", autouse=True)
def early_prometheus() -> Iterator[Prometheus | StoreMissingError]:
    """Started before the first test, since it takes some seconds until it scrapes; or why there is none."""
    try:
        server = Prometheus(rule_file())
    except StoreMissingError as missing:
        yield missing
        return
    server.start()
    yield server
    server.remove()


@pytest.fixture
def prometheus(early_prometheus: Prometheus | StoreMissingError) -> Prometheus:
    if isinstance(early_prometheus, StoreMissingError):
        pytest.skip(str(early_prometheus))
    return early_prometheus
