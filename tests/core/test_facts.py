"""What a queue's arguments and policies mean on each version of RabbitMQ."""

import pytest

from consumer.core.facts import LimitSource, Version, cautious_facts, facts_of

QUORUM = {"x-queue-type": "quorum"}
V310, V40, V42, V43 = (3, 10), (4, 0), (4, 2), (4, 3)


@pytest.mark.parametrize(
    ("version", "argument", "policy", "limit", "source"),
    [
        (V310, None, None, None, "default"),
        (V40, None, None, 20, "default"),
        (V43, None, None, 20, "default"),
        (V310, 5, None, 5, "argument"),
        (V40, 0, None, 0, "argument"),
        (V43, 5, 1000, 5, "argument"),
        (V40, 1000, 5, 5, "policy"),
        (V43, None, 1000, 1000, "policy"),
        (V310, None, 5, 5, "policy"),
        (V40, -1, None, None, "default"),
        (V43, None, -1, None, "default"),
        (V43, 5, -1, 5, "argument"),
        (V40, -1, 5, 5, "policy"),
        (V310, -1, None, 0, "argument"),
    ],
)
def test_the_lower_of_argument_and_policy_is_in_force(
    version: Version, argument: int | None, policy: int | None, limit: int | None, source: LimitSource
) -> None:
    arguments = QUORUM if argument is None else {**QUORUM, "x-delivery-limit": argument}
    facts = facts_of(version, arguments, None if policy is None else {"delivery-limit": policy})
    assert (facts.delivery_limit, facts.limit_source) == (limit, source)


@pytest.mark.parametrize(
    ("version", "is_free"), [(V310, False), (V40, False), (V42, False), (V43, True), ((5, 0), True)]
)
def test_a_quorum_queue_takes_nacks_for_nothing_from_4_3_on(version: Version, is_free: bool) -> None:
    facts = facts_of(version, QUORUM)
    assert (facts.nack_is_free, facts.counts_failures_only) == (is_free, is_free)


@pytest.mark.parametrize("version", [V310, V43])
@pytest.mark.parametrize("arguments", [{}, {"x-queue-type": "classic", "x-delivery-limit": 5}], ids=str)
def test_a_classic_queue_counts_nothing(version: Version, arguments: dict[str, object]) -> None:
    facts = facts_of(version, arguments)
    assert (facts.kind, facts.delivery_limit, facts.nack_is_free) == ("classic", None, True)
    assert not facts.counts_failures_only


@pytest.mark.parametrize(
    ("version", "arguments", "policy", "delays"),
    [
        (V43, {"x-delayed-retry-type": "failed", "x-delayed-retry-min": 500}, None, True),
        (V43, {"x-delayed-retry-type": "all", "x-delayed-retry-min": 500}, None, True),
        (V43, {"x-delayed-retry-type": "returned", "x-delayed-retry-min": 500}, None, False),
        (V43, {"x-delayed-retry-type": "failed"}, None, False),
        (V43, {}, {"delayed-retry-type": "failed", "delayed-retry-min": 500}, True),
        (V43, {"x-delayed-retry-type": "all", "x-delayed-retry-min": 5}, {"delayed-retry-type": "disabled"}, False),
        (V42, {"x-delayed-retry-type": "failed", "x-delayed-retry-min": 500}, None, False),
    ],
)
def test_rejects_are_delayed_where_the_queue_says_so_and_its_broker_can(
    version: Version, arguments: dict[str, object], policy: dict[str, object] | None, delays: bool
) -> None:
    assert facts_of(version, QUORUM | arguments, policy).native_delay is delays


@pytest.mark.parametrize(
    ("arguments", "policy", "known", "dead_letters"),
    [
        ({}, None, False, False),
        ({}, {}, True, False),
        ({"x-dead-letter-exchange": ""}, None, False, True),
        ({}, {"dead-letter-exchange": "dlx"}, True, True),
    ],
)
def test_a_dead_letter_exchange_is_an_argument_or_a_policy(
    arguments: dict[str, object], policy: dict[str, object] | None, known: bool, dead_letters: bool
) -> None:
    facts = facts_of(V43, QUORUM | arguments, policy)
    assert (facts.policies_known, facts.dead_letters) == (known, dead_letters)


@pytest.mark.parametrize(("version", "limit", "is_free"), [(V310, None, False), (V40, 20, False), (V43, 20, True)])
def test_of_a_queue_that_cannot_be_looked_at_the_worst_is_assumed(
    version: Version, limit: int | None, is_free: bool
) -> None:
    facts = cautious_facts(version)
    assert (facts.kind, facts.delivery_limit, facts.nack_is_free, facts.dead_letters) == (
        "unknown",
        limit,
        is_free,
        None,
    )
