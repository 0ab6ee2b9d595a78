"""Operator policies are in force beside users': of two delivery limits the lower holds (measured on 3.10, 4.0, 4.3)."""

from typing import Any

import pytest

from consumer.check.documents.policies import merged
from tests.check.subjects import checked, codes, spoiled
from tests.check.test_queues_that_lose import BARE, LIMITED, POLICY

OPERATORS = {**POLICY, "kind": "OperatorPolicy"}
DROPS = ["delivery-limit-drops"]


def limit(policy: dict[str, Any], value: int) -> dict[str, Any]:
    return spoiled(policy, "spec.definition", {"delivery-limit": value})


def cluster(image: str, name: str = "rabbit") -> dict[str, Any]:
    spec = {"image": image}
    return {"apiVersion": "rabbitmq.com/v1beta1", "kind": "RabbitmqCluster", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("users", "operators", "holds"),
    [(20, 5, 5), (5, 20, 5), (-1, 20, 20), (20, -1, 20), (-1, -1, -1), (None, 5, 5), (5, None, 5)],
)
def test_of_two_limits_the_lower_one_holds_and_a_negative_one_is_none(users: Any, operators: Any, holds: int) -> None:
    definitions = [{} if each is None else {"delivery-limit": each} for each in (users, operators)]
    assert merged(*definitions) == {"delivery-limit": holds}


@pytest.mark.parametrize(
    ("users", "operators", "findings"),
    [(None, 10**9, []), (None, 20, DROPS), (10**9, 20, DROPS), (20, 10**9, DROPS), (10**9, 10**9, []), (-1, -1, [])],
)
def test_an_operators_limit_is_held_to(users: int | None, operators: int, findings: list[str]) -> None:
    policies = [limit(OPERATORS, operators), *([] if users is None else [limit(POLICY, users)])]
    assert codes(checked(BARE, *policies)) == findings


@pytest.mark.parametrize(("path", "value"), [("spec.pattern", "^mails$"), ("spec.applyTo", "classic_queues")])
def test_one_that_does_not_apply_changes_nothing(path: str, value: str) -> None:
    assert codes(checked(BARE, POLICY, spoiled(limit(OPERATORS, 20), path, value))) == []


def test_each_kind_has_a_priority_of_its_own() -> None:
    low = spoiled(limit(OPERATORS, 10**9), "spec.priority", 1)
    high = spoiled(limit(OPERATORS, 20), "spec.priority", 2)
    assert codes(checked(BARE, low, high, spoiled(POLICY, "spec.priority", 9))) == DROPS


def test_an_operator_policy_names_no_dead_letter_exchange() -> None:
    """RabbitMQ refuses one that does."""
    assert codes(checked(BARE, spoiled(OPERATORS, "spec.definition", {"dead-letter-exchange": "x"}))) == DROPS


UNLIMITED = spoiled(BARE, "spec.arguments", {"x-delivery-limit": -1})


@pytest.mark.parametrize(
    ("image", "findings"),
    [
        ("rabbitmq:3.13.7-management", DROPS),
        ("registry:5000/library/rabbitmq:3.12@sha256:1", DROPS),
        ("rabbitmq:3-management", DROPS),
        ("rabbitmq:4.0.5-management", []),
        ("rabbitmq:4", []),
        ("bitnami/rabbitmq:4.3", []),
        ("rabbitmq:management", []),
        ("registry:3.1/broker:3.1", []),
        ("", []),
    ],
)
def test_no_limit_means_none_from_rabbitmq_4_on_and_the_first_return_before(image: str, findings: list[str]) -> None:
    assert codes(checked(UNLIMITED, cluster(image))) == findings


def test_rabbitmq_3_has_no_limit_of_its_own_and_no_policy_that_takes_one_away() -> None:
    old = cluster("rabbitmq:3.13-management")
    assert codes(checked(BARE, old)) == []
    assert codes(checked(BARE, old, limit(POLICY, -1))) == []
    assert codes(checked(BARE, old, limit(POLICY, 20))) == DROPS
    assert codes(checked(LIMITED, old)) == ["delivery-limit-dead-letters"]


def test_a_queue_is_held_to_the_version_of_its_own_cluster() -> None:
    old, new = cluster("rabbitmq:3.13", "old"), cluster("rabbitmq:4.2", "new")
    for name, findings in (("old", DROPS), ("new", [])):
        queue = spoiled(UNLIMITED, "spec.rabbitmqClusterReference.name", name)
        assert codes(checked(queue, old, new)) == findings
