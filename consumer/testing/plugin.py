"""The pytest plugin: a real RabbitMQ for the session, and names of its own for each test's queues.

May know: pytest; the providers, once a test asks for a broker (pytest loads this file in every project that has
lastcall installed, so it imports nothing else). May not know: the worker, AMQP.
"""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from consumer.testing.brokers import BrokerHandle


@pytest.fixture(scope="session")
def lastcall_broker(request: pytest.FixtureRequest) -> "Iterator[BrokerHandle]":
    """A RabbitMQ for the whole session, started at its first use; see `consumer.testing.brokers.provide`.

    The test fails with the mend where none can be had.
    """
    from consumer.testing.brokers import BrokerUnavailable, provide  # noqa: PLC0415 - loaded at the first use

    capture = request.config.pluginmanager.getplugin("capturemanager")
    terminal = request.config.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        if terminal is None:  # a worker of pytest-xdist has none
            return
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"lastcall: {line}")

    try:
        with provide(say) as broker:
            yield broker
    except BrokerUnavailable as unavailable:
        pytest.fail(str(unavailable), pytrace=False)


@pytest.fixture
def queue_prefix() -> str:
    """A prefix for the names of a test's queues that no other test has, such as ``t-3f9c01ab.``."""
    return f"t-{secrets.token_hex(4)}."
