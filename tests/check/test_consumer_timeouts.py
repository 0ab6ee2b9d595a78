"""No delivery may be out longer than the broker allows, its wait in the prefetch counted; and little should wait."""

from typing import Any

import pytest

from consumer import RetryPolicy
from tests.check.subjects import checked, codes, spoiled, the, worker
from tests.check.test_queues_that_lose import POLICY, QUEUE

ONCE = RetryPolicy(in_place=0)
DRAIN_TOO = ["drain-shorter-than-handler"]
CLUSTER: dict[str, Any] = {
    "apiVersion": "rabbitmq.com/v1beta1",
    "kind": "RabbitmqCluster",
    "metadata": {"name": "rabbit"},
    "spec": {"rabbitmq": {"additionalConfig": "heartbeat = 60\nconsumer_timeout = 7200000\n"}},
}


def lasting(*documents: dict[str, Any], timeout: float, given: float | None = None, **numbers: Any) -> list[str]:
    """The findings, but for the drain timeout, which such handlers outlast too."""
    report = checked(*documents, of=worker(timeout=timeout, **{"retry": ONCE, **numbers}), consumer_timeout=given)
    return [code for code in codes(report) if code not in DRAIN_TOO]


@pytest.mark.parametrize(("timeout", "findings"), [(1799, []), (1800, ["consumer-timeout"])])
def test_a_handler_is_to_be_done_within_rabbitmqs_half_hour(timeout: float, findings: list[str]) -> None:
    assert lasting(timeout=timeout) == findings


@pytest.mark.parametrize(("prefetch", "findings"), [(4, []), (8, []), (12, ["consumer-timeout"])])
def test_the_wait_in_the_prefetch_counts(prefetch: int, findings: list[str]) -> None:
    assert lasting(timeout=700, concurrency=4, prefetch=prefetch) == findings


@pytest.mark.parametrize(
    ("policy", "timeout", "findings"),
    [
        (RetryPolicy(), 899, []),  # 899 s, a wait of 1 s in place, 899 s: the next wait is spent in the broker
        (RetryPolicy(), 900, ["consumer-timeout"]),
        (RetryPolicy(attempts=1), 1799, []),
        (RetryPolicy(first_wait=0, factor=1), 359, []),
        (RetryPolicy(first_wait=0, factor=1), 360, ["consumer-timeout"]),
        (RetryPolicy(attempts=2, first_wait=1000, longest_wait=1000, in_place=1000), 400, ["consumer-timeout"]),
        (RetryPolicy(attempts=2, first_wait=1000, longest_wait=1000, in_place=899), 1799, []),
        (RetryPolicy(attempts=2, first_wait=1000, longest_wait=1000, in_place=901, jitter=0), 1799, []),
    ],
)
def test_attempts_in_place_and_their_waits_count(policy: RetryPolicy, timeout: float, findings: list[str]) -> None:
    assert lasting(timeout=timeout, retry=policy) == findings


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (ONCE, "2100 s (3 times 700: prefetch 12, concurrency 4)"),
        (RetryPolicy(), "4203 s (3 times 2 attempts of 700: prefetch 12, concurrency 4, in_place 1)"),
    ],
)
def test_the_finding_says_how_it_comes_about_and_who_says_so(policy: RetryPolicy, told: str) -> None:
    report = checked(of=worker(timeout=700, concurrency=4, prefetch=12, retry=policy))
    [found] = [each for each in report.findings if each.code == "consumer-timeout"]
    assert told in found.what
    assert "1800 s (RabbitMQ's default" in found.what
    assert any("consumer_timeout in rabbitmq.conf" in each.what for each in report.unchecked)


@pytest.mark.parametrize(
    ("documents", "given"),
    [
        ((), 7200),
        ((CLUSTER,), None),
        ((spoiled(QUEUE, "spec.arguments.x-consumer-timeout", 7_200_000),), None),
        ((QUEUE, spoiled(POLICY, "spec.definition.consumer-timeout", 7_200_000)), None),
    ],
)
def test_who_raises_it_is_believed(documents: tuple[dict[str, Any], ...], given: float | None) -> None:
    assert lasting(*documents, timeout=3600, given=given) == []
    assert lasting(*documents, timeout=7200, given=given) == ["consumer-timeout"]


@pytest.mark.parametrize(
    ("line", "findings"),
    [
        ("consumer_timeout = 7200000 # two hours", []),
        ("# consumer_timeout = 7200000", ["consumer-timeout"]),
        ("consumer_timeout = 7200000 x", ["consumer-timeout"]),
    ],
)
def test_a_note_beside_it_in_rabbitmq_conf_is_no_part_of_it(line: str, findings: list[str]) -> None:
    """RabbitMQ reads it so: seen on 3.10, 4.0 and 4.3."""
    assert lasting(spoiled(CLUSTER, "spec.rabbitmq.additionalConfig", line), timeout=3600) == findings


def test_of_two_places_that_tell_of_a_queue_the_lower_holds() -> None:
    long, short = (spoiled(QUEUE, "spec.arguments.x-consumer-timeout", each) for each in (7_200_000, 60_000))
    for both in ((long, short), (short, long)):
        assert lasting(*both, timeout=60) == ["consumer-timeout"]


def test_one_that_is_lowered_for_the_queue_goes_before_the_brokers() -> None:
    short = spoiled(QUEUE, "spec.arguments.x-consumer-timeout", 60_000)
    assert lasting(CLUSTER, short, timeout=60) == ["consumer-timeout"]


@pytest.mark.parametrize(("prefetch", "findings"), [(40, []), (41, ["prefetch-far-above-concurrency"])])
def test_a_prefetch_far_above_the_concurrency_is_warned_of(prefetch: int, findings: list[str]) -> None:
    assert codes(checked(of=worker(concurrency=10, prefetch=prefetch))) == findings


def test_a_prefetch_of_the_settings_is_held_to_the_same() -> None:
    many = {"name": "w", "env": [{"name": "LASTCALL_PREFETCH", "value": "500"}], "args": ["run", "orders:worker"]}
    pod = {
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"terminationGracePeriodSeconds": 60, "containers": [many]},
    }
    the("prefetch-far-above-concurrency", checked(pod))
