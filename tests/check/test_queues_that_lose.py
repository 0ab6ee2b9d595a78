"""A queue must keep its messages while workers come and go: what operators are told of it is held to that."""

from typing import Any

import pytest

from consumer.check import queues
from consumer.check.finding import Where
from consumer.check.subject import Deployed, HandlerFacts, Launch, QueueSeen, Subject, WorkerFacts
from consumer.core.facts import QueueFacts, facts_of
from consumer.core.queue import Queue
from consumer.core.retry import RetryPolicy
from tests.check.subjects import checked, codes, spoiled, the

SAFE = {"x-delivery-limit": 1_000_000_000, "x-dead-letter-exchange": ""}
QUEUE: dict[str, Any] = {
    "apiVersion": "rabbitmq.com/v1beta1",
    "kind": "Queue",
    "metadata": {"name": "orders"},
    "spec": {"name": "orders", "type": "quorum", "durable": True, "autoDelete": False, "arguments": SAFE},
}
POLICY: dict[str, Any] = {
    "apiVersion": "rabbitmq.com/v1beta1",
    "kind": "Policy",
    "metadata": {"name": "limits"},
    "spec": {"name": "limits", "pattern": "^orders$", "definition": {"delivery-limit": 1_000_000_000}},
}
LIMITED = spoiled(QUEUE, "spec.arguments", {"x-delivery-limit": 20, "x-dead-letter-exchange": "dlx"})
BARE = spoiled(QUEUE, "spec.arguments", None)


def test_a_queue_as_the_worker_would_declare_it_is_fine() -> None:
    assert codes(checked(QUEUE)) == []


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("spec.autoDelete", True, "queue-auto-delete"),
        ("spec.durable", False, "queue-not-durable"),
        ("spec.durable", None, "queue-not-durable"),
        ("spec.type", "stream", "queue-is-a-stream"),
        ("spec.arguments", None, "delivery-limit-drops"),
        ("spec.arguments", {"x-delivery-limit": 20}, "delivery-limit-drops"),
        ("spec.arguments", {"x-delivery-limit": 20, "x-dead-letter-exchange": "dlx"}, "delivery-limit-dead-letters"),
    ],
)
def test_one_that_loses_is_found(path: str, value: object, code: str) -> None:
    assert the(code, checked(spoiled(QUEUE, path, value))).where.document == "Queue/orders"


def test_queues_of_others_are_theirs() -> None:
    assert codes(checked(spoiled(spoiled(QUEUE, "spec.name", "mails"), "spec.autoDelete", True))) == []


def test_a_policy_raises_the_default_but_no_argument() -> None:
    assert codes(checked(BARE, POLICY)) == []
    assert codes(checked(LIMITED, POLICY)) == ["delivery-limit-dead-letters"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.pattern", "^mails$"),
        ("spec.applyTo", "exchanges"),
        ("spec.applyTo", "classic_queues"),
    ],
)
def test_a_policy_that_does_not_apply_changes_nothing(path: str, value: str) -> None:
    assert codes(checked(BARE, spoiled(POLICY, path, value))) == ["delivery-limit-drops"]


def test_of_several_policies_the_highest_priority_holds() -> None:
    low = spoiled(spoiled(POLICY, "spec.definition", {"delivery-limit": 5}), "spec.priority", 1)
    assert codes(checked(BARE, low, spoiled(POLICY, "spec.priority", 2))) == []
    assert codes(checked(BARE, low, POLICY)) == ["delivery-limit-drops"]


def found(queue: Queue, *seen: QueueSeen, absent: bool = False) -> list[str]:
    handler = HandlerFacts("charge", queue, 1, 1, None, RetryPolicy())
    worker = WorkerFacts((handler,), 25, 60, frozenset())
    gone = ((queue.name, Where("broker")),) if absent else ()
    subject = Subject((Deployed(Launch("here", Where()), worker),), queues=seen, absent=gone)
    return [getattr(each, "code", "unchecked") for each in queues.check(subject)]


def seen(facts: QueueFacts | None = None, *, exclusive: bool = False) -> QueueSeen:
    return QueueSeen("orders", Where("broker"), facts=facts, exclusive=exclusive)


KNOWN = facts_of((4, 0), {"x-queue-type": "quorum", **SAFE}, {})


@pytest.mark.parametrize(("exclusive", "code"), [(True, "queue-exclusive"), (False, "unchecked")])
def test_one_of_another_connection_is_found(exclusive: bool, code: str) -> None:
    assert found(Queue("orders"), seen(exclusive=exclusive)) == [code]


@pytest.mark.parametrize(("wanted", "codes"), [("quorum", []), (None, []), ("classic", ["queue-of-another-type"])])
def test_a_type_that_the_worker_asks_for_is_held_to(wanted: Any, codes: list[str]) -> None:
    assert found(Queue("orders", type=wanted), seen(KNOWN)) == codes


@pytest.mark.parametrize(("declare", "codes"), [(True, []), (False, ["queue-missing"])])
def test_one_that_is_not_there_is_missed_if_the_worker_may_not_declare_it(declare: bool, codes: list[str]) -> None:
    assert found(Queue("orders", declare=declare), absent=True) == codes


def test_policies_that_nobody_could_see_are_said_to_be_unknown() -> None:
    without = facts_of((4, 0), {"x-queue-type": "quorum", **SAFE})
    assert found(Queue("orders"), seen(without)) == ["unchecked"]
    assert found(Queue("orders"), seen(KNOWN)) == []
