"""Each fault in each moment: the worker recovers or leaves, nothing is lost, nothing runs twice without need."""

import asyncio

import pytest

from .faults import FAULTS, Fault
from .moments import MOMENTS
from .node import Node
from .play import Account, play
from .table import Table

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.docker]

Accounts = dict[str, Account]


@pytest.fixture(scope="module", params=FAULTS, ids=str)
def accounts(
    request: pytest.FixtureRequest, node: Node, table: Table, tmp_path_factory: pytest.TempPathFactory
) -> Accounts:
    """What came of one fault, which has hit a worker in each of the moments."""
    fault: Fault = request.param
    accounts = asyncio.run(play(node, fault, tmp_path_factory.mktemp("workers")))
    table.enter(fault.name, accounts)
    return accounts


@pytest.mark.parametrize("moment", [each.name for each in MOMENTS])
def test_the_worker_recovers_or_leaves_and_nothing_is_lost(accounts: Accounts, moment: str) -> None:
    problems = accounts[moment].problems
    assert not problems, "\n".join(problems)
