"""The broker's user must be allowed what the worker does: declare, consume, park, retry, bind."""

from typing import Any

import pytest

from consumer.check.permissions import needs
from consumer.check.subject import HandlerFacts
from consumer.core.queue import Binding, Queue
from consumer.core.retry import RetryPolicy
from tests.check.subjects import checked, codes, spoiled, the, worker
from tests.check.test_queues_that_lose import QUEUE

PERMISSION: dict[str, Any] = {
    "apiVersion": "rabbitmq.com/v1beta1",
    "kind": "Permission",
    "metadata": {"name": "orders"},
    "spec": {
        "permissions": {"configure": r"^orders(\.parked|\.retry\..*)?$", "write": "^amq.default$", "read": "^orders"}
    },
}
BOUND = Queue("orders", bindings=(Binding("shop", "paid"), Binding("amq.topic", "paid")))


def test_a_user_who_may_all_that_is_fine() -> None:
    assert codes(checked(PERMISSION)) == []


@pytest.mark.parametrize(
    ("permission", "value", "told"),
    [
        ("configure", r"^orders(\.retry\..*)?$", "configure on 'orders.parked', to declare it"),
        ("configure", r"^orders\.(parked|retry\..*)$", "configure on 'orders', to declare it"),
        ("read", "^mails$", "read on 'orders', to consume it"),
        ("read", "", "read on 'orders', to consume it"),
        ("read", None, "read on 'orders', to consume it"),
        ("write", "^orders$", "write on 'amq.default', to park and to retry messages"),
    ],
)
def test_what_is_lacking_is_named(permission: str, value: str | None, told: str) -> None:
    found = the("permission-missing", checked(spoiled(PERMISSION, f"spec.permissions.{permission}", value)))
    assert told in found.what
    assert found.where.field == f"spec.permissions.{permission}"


def test_waiting_for_a_retry_needs_its_own_queues() -> None:
    found = the(
        "permission-to-delay", checked(spoiled(PERMISSION, "spec.permissions.configure", r"^orders(\.parked)?$"))
    )
    assert "'orders.retry.1s'" in found.what
    assert found.severity == "warning"


def test_what_is_there_already_need_not_be_declared() -> None:
    parked = spoiled(spoiled(QUEUE, "spec.name", "orders.parked"), "metadata.name", "parked")
    none = spoiled(PERMISSION, "spec.permissions.configure", r"\.retry\.")
    assert codes(checked(none, QUEUE, parked)) == []
    assert codes(checked(none, QUEUE)) == ["permission-missing"]


def test_a_binding_needs_both_sides() -> None:
    handler = HandlerFacts("charge", BOUND, 1, 1, None, RetryPolicy())
    needed = {(each.permission, each.resource) for each in needs(handler, {"orders", "orders.parked"})}
    of_the_binding = {("write", "orders"), ("read", "amq.topic"), ("read", "shop"), ("configure", "shop")}
    assert of_the_binding <= needed
    there = {(each.permission, each.resource) for each in needs(handler, {"orders", "orders.parked", "shop"})}
    assert needed - there == {("configure", "shop")}


def test_a_binding_is_looked_at_in_manifests() -> None:
    exchange = {"apiVersion": "rabbitmq.com/v1beta1", "kind": "Exchange", "spec": {"name": "shop"}}
    report = checked(PERMISSION, exchange, of=worker(queue=BOUND))
    assert {each.what.split(" needs ")[1].split(",")[0] for each in report.findings} == {
        "write on 'orders'",
        "read on 'shop'",
        "read on 'amq.topic'",
    }


def test_whose_permissions_they_are_must_be_clear() -> None:
    report = checked(PERMISSION, spoiled(PERMISSION, "metadata.name", "other"))
    assert codes(report) == []
    assert any("Permissions orders, other" in each.what for each in report.unchecked)


def test_a_pattern_that_cannot_be_read_is_said_to_be_unknown() -> None:
    report = checked(spoiled(PERMISSION, "spec.permissions.read", "(?<name>x)(?&name)"))
    assert any("none that Python reads" in each.why for each in report.unchecked)
