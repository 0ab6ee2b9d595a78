"""One broker for the whole suite, and a table of what came of each fault at the end.

May know: the node, the firewall, Docker. May not know: what a fault does.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumer.testing.brokers import BrokerUnavailable, leftovers
from consumer.testing.brokers.container import DEFAULT_IMAGE, open_engine

from . import firewall
from .node import Network, Node
from .stage import PASSWORD, USER, VHOST
from .table import TABLE, Table

IMAGE = os.environ.get("LASTCALL_BROKER_IMAGE") or DEFAULT_IMAGE


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table(IMAGE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash[TABLE].lines()
    for line in lines:
        terminalreporter.write_line(line)
    if lines and (path := os.environ.get("LASTCALL_FAULTS_TABLE")):
        with Path(path).open("a") as tables:
            tables.writelines(f"{line}\n" for line in [*lines, ""])


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    """Where accounts are entered for the end."""
    return pytestconfig.stash[TABLE]


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """The broker, with a user and a virtual host for workers that faults may take away."""
    need_what_faults_take()
    network = Network(f"lastcall-faults-{os.getpid()}")
    node = Node(IMAGE, network)
    try:
        asyncio.run(_up(network, node))
        yield node
    finally:
        asyncio.run(_down(network, node))


def need_what_faults_take() -> None:
    """Docker, and root for the firewall; without them nothing can be shown here."""
    try:
        with closing(open_engine()) as engine:
            leftovers.remove(engine, print)
    except BrokerUnavailable as unavailable:
        pytest.skip(str(unavailable))
    if missing := firewall.missing():
        pytest.skip(missing)


async def _up(network: Network, node: Node) -> None:
    await firewall.clear()
    await network.make()
    await node.run()
    await node.admin.make_vhost(VHOST)
    await node.admin.set_user(USER, PASSWORD)
    await node.admin.allow(USER, VHOST)


async def _down(network: Network, node: Node) -> None:
    await node.remove()
    await network.remove()
    await firewall.clear()
