"""Which queues are at risk, and what the warning says."""

import shlex

import pytest

from consumer.core.facts import QueueFacts, cautious_facts, facts_of
from consumer.core.queue import Queue
from consumer.core.risk import Risk, risk_of

V310, V40, V43 = (3, 10), (4, 0), (4, 3)
ORDERS = Queue("shop orders.v1")
QUORUM: dict[str, object] = {"x-queue-type": "quorum"}
DLX: dict[str, object] = {"x-dead-letter-exchange": ""}


def risk(facts: QueueFacts) -> Risk:
    found = risk_of(ORDERS, facts)
    assert found is not None
    assert repr(ORDERS.name) in found.consequence
    assert str(found.limit) in found.consequence
    return found


@pytest.mark.parametrize(
    "facts",
    [
        facts_of(V40, ORDERS.declaration, declared_here=True),
        facts_of(V43, ORDERS.declaration),
        facts_of(V310, QUORUM),
        facts_of(V40, {"x-queue-type": "classic"}),
        facts_of(V40, QUORUM | {"x-delivery-limit": -1}),
        facts_of(V40, QUORUM, {"delivery-limit": 10_000}),
        cautious_facts(V310),
    ],
    ids=str,
)
def test_a_limit_that_is_not_there_or_out_of_reach_is_no_risk(facts: QueueFacts) -> None:
    assert risk_of(ORDERS, facts) is None


@pytest.mark.parametrize(
    ("facts", "fate"),
    [
        (facts_of(V40, QUORUM), "dropped silently, run or not, unless a policy names a dead-letter exchange"),
        (facts_of(V40, QUORUM, {}), "dropped silently, run or not."),
        (facts_of(V40, QUORUM | DLX), "moved to the queue's dead-letter exchange, run or not"),
        (cautious_facts(V40), "dropped silently, or dead-lettered if the queue does that"),
    ],
)
def test_the_consequence_says_what_becomes_of_the_message(facts: QueueFacts, fate: str) -> None:
    found = risk(facts)
    assert fate in found.consequence
    assert found.dead_letters is facts.dead_letters
    assert "handed back 21 times, by scale-downs or lost connections" in found.consequence


def test_where_hand_backs_are_free_only_what_died_counts() -> None:
    assert "hand-backs don't count" in risk(facts_of(V43, QUORUM)).consequence
    assert "held by 21 workers or connections that died" in risk(facts_of(V43, QUORUM)).consequence


def test_a_default_limit_is_mended_by_a_policy_which_a_shell_takes_as_it_is_written() -> None:
    mend = risk(facts_of(V40, QUORUM)).mend
    command = shlex.split(mend.split("`")[1])
    assert command[:4] == ["rabbitmqctl", "set_policy", "--apply-to", "queues"]
    assert command[4:] == ["shop orders.v1-limit", r"^shop\ orders\.v1$", '{"delivery-limit": 1000000000}']


def test_an_argument_is_not_mended_by_a_policy_which_can_only_lower_it() -> None:
    mend = risk(facts_of(V40, QUORUM | {"x-delivery-limit": 5})).mend
    assert "set_policy" not in mend
    assert "delete_queue" in mend


def test_a_limit_of_a_policy_is_mended_there() -> None:
    assert "list_policies" in risk(facts_of(V40, QUORUM, {"delivery-limit": 5})).mend
