"""Only what is of the worker's virtual host is held to it: what is, is told by its address."""

from typing import Any

import pytest

from consumer import Settings
from consumer.check.finding import Report
from consumer.cli.check_parsing import documents
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
    assert is_unknown(report) == (vhost != "shop")


SECRET = {"secretKeyRef": {"name": "elsewhere", "key": "url"}}
ELSEWHERE = [
    container("env", [{"name": "LASTCALL_AMQP_URL", "valueFrom": SECRET}]),
    container("env", [{"name": "LASTCALL_AMQP_URL", "valueFrom": SECRET}, {"name": "AMQP_URL", "value": "amqp://r/x"}]),
    container("env", [{"name": "AMQP_URL", "valueFrom": SECRET}]),
    container("envFrom", [{"secretRef": {"name": "elsewhere"}}], container("env", None)),
    pod("/run/url", "LASTCALL_AMQP_URL_FILE"),
    pod("amqp://u:p@rabbit/$(VHOST)"),
    pod("amqp://u:p@rabbit:$(PORT)/x", "AMQP_URL"),
    {"services": {"w": {"command": "lastcall run orders:worker", "environment": ["LASTCALL_AMQP_URL"]}}},
    {"services": {"w": {"command": "lastcall run orders:worker", "environment": {"AMQP_URL": "amqp://r/${V}"}}}},
]
HERE = Settings(amqp_url="amqp://guest:guest@localhost/dev")


@pytest.mark.parametrize("place", ELSEWHERE)
def test_an_address_that_was_not_given_leaves_it_unknown_and_nothing_vanishes(place: dict[str, Any]) -> None:
    report = checked(place, of("shop"), of=worker(settings=HERE))
    assert [each for each in codes(report) if "limit" in each] == DROPS
    assert "wrong-setting" not in codes(report)
    of_two = checked(place, of("shop"), of("dev", QUEUE), of=worker(settings=HERE))
    assert "delivery-limit-drops" not in codes(of_two)
    assert is_unknown(of_two)
    of_ours = checked(place, of("dev"), of("shop", QUEUE), of=worker(settings=HERE))
    assert "delivery-limit-drops" in codes(of_ours)


def test_the_address_of_a_secret_that_was_given_says_it() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "elsewhere"}, "stringData": {"url": "amqp://u:p@rabbit/shop"}}
    report = checked(secret, ELSEWHERE[2], of("shop"), of("dev"), of=worker(settings=HERE))
    assert codes(report) == DROPS
    assert not is_unknown(report)


def test_resources_that_are_all_of_others_are_said_to_be_left_out() -> None:
    assert is_unknown(checked(GOOD, of("shop"), of=worker(settings=HERE)))


def test_documents_that_are_alike_and_hold_themselves_are_told_apart() -> None:
    text = "kind: Queue\napiVersion: rabbitmq.com/v1beta1\nmetadata: &m {name: q, x: [*m]}\nspec: {vhost: a}\n"
    found = documents("m.yaml", "---\n".join([text, text, text.replace("vhost: a", "vhost: b")]))
    assert is_unknown(checked(*(dict(each.content) for each in found)))


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
