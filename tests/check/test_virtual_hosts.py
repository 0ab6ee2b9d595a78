"""Only what is of the worker's virtual host is held to it: what is, is told by its address."""

from typing import Any

import pytest

from consumer import Settings
from consumer.check.finding import Report
from tests.check.subjects import GOOD, checked, codes, container, spoiled, worker
from tests.check.test_permissions import PERMISSION
from tests.check.test_queues_that_lose import BARE, POLICY, QUEUE

DROPS = ["delivery-limit-drops"]


def of(vhost: str, document: dict[str, Any] = BARE) -> dict[str, Any]:
    return spoiled(document, "spec.vhost", vhost)


def pod(address: str, name: str = "LASTCALL_AMQP_URL") -> dict[str, Any]:
    return container("env", [{"name": "LASTCALL_DRAIN_TIMEOUT", "value": "50"}, {"name": name, "value": address}])


def is_unknown(report: Report) -> bool:
    return any("virtual hosts" in each.what for each in report.unchecked)


@pytest.mark.parametrize("name", ["LASTCALL_AMQP_URL", "AMQP_URL"])
@pytest.mark.parametrize(("vhost", "findings"), [("shop", DROPS), ("mails", []), (None, [])])
def test_the_address_of_a_pod_says_whose_queues_they_are(name: str, vhost: Any, findings: list[str]) -> None:
    report = checked(pod("amqp://u:p@rabbit/shop", name), of(vhost))
    assert codes(report) == findings
    assert not is_unknown(report)


def test_the_address_that_the_check_was_given_says_it_where_no_pod_does() -> None:
    ours = worker(settings=Settings(amqp_url="amqp://u:p@rabbit/%2fshop"))
    assert codes(checked(GOOD, of("/shop"), of("other"), of=ours)) == DROPS
    assert codes(checked(GOOD, of("shop"), of=ours)) == []


def test_a_single_one_is_taken_for_the_workers() -> None:
    assert codes(checked(GOOD, of("shop"))) == DROPS


def test_of_several_nothing_is_held_to_where_none_is_known() -> None:
    report = checked(GOOD, of("shop"), of("mails", QUEUE), of("mails", PERMISSION))
    assert codes(report) == []
    assert is_unknown(report)


def test_a_permission_or_policy_of_another_one_is_none_of_ours() -> None:
    nothing = spoiled(PERMISSION, "spec.permissions", {"configure": "", "write": "", "read": ""})
    ours = pod("amqp://u:p@rabbit/shop")
    assert codes(checked(ours, of("mails", nothing), of("shop", PERMISSION))) == []
    assert codes(checked(ours, of("shop"), of("mails", POLICY))) == DROPS
    assert codes(checked(ours, of("shop"), of("shop", POLICY))) == []


def test_workers_in_two_of_them_are_both_looked_at() -> None:
    other = spoiled(pod("amqp://u:p@rabbit/mails"), "metadata.name", "mails")
    queues = (of("shop", QUEUE), of("mails"), of("others"))
    assert codes(checked(pod("amqp://u:p@rabbit/shop"), other, *queues)) == DROPS
