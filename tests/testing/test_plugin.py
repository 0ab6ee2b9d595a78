"""The pytest plugin costs nothing until a test asks for a broker, and then gives a real one."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from consumer.testing.brokers import BrokerHandle
from consumer.testing.brokers.greeting import greet


def test_the_plugin_loads_no_provider_before_a_test_asks_for_a_broker() -> None:
    loaded = "import sys, consumer.testing.plugin; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert not {"docker", "testcontainers", "consumer.testing.brokers"} & set(modules)


@pytest.mark.broker
def test_the_session_gets_one_broker_that_answers(lastcall_broker: BrokerHandle) -> None:
    address = urlsplit(lastcall_broker.url)
    if address.scheme == "amqps":
        pytest.skip("the given broker talks TLS; the tests that use it will show whether it answers")
    greet(address.hostname or "", address.port or 5672)


@pytest.fixture(scope="module")
def prefixes() -> set[str]:
    return set()


@pytest.mark.parametrize("seen_before", [0, 1, 2])
def test_each_test_gets_queue_names_of_its_own(queue_prefix: str, prefixes: set[str], seen_before: int) -> None:
    prefixes.add(queue_prefix)
    assert len(prefixes) == seen_before + 1
