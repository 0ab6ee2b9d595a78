"""What is done with a delivery follows from how its handler ended, its policy and its attempt, nothing else."""

import pytest

from consumer.core.outcome import ASKED_FOR, Again, Completed, Outcome, Parked, Returned, outcome_of
from consumer.core.retry import RetryPolicy
from consumer.errors import ClaimLost, HandlerTimeout, Park, Requeue, Retry, Undecodable

FAILURE = ValueError("no such tenant")
LATE = HandlerTimeout("it ran longer than its timeout of 5 s")
ONCE = RetryPolicy(attempts=1)
THRICE = RetryPolicy(attempts=3, first_wait=2, factor=10, jitter=0, on=(OSError, ValueError))
LOST = "ValueError: no such tenant"


@pytest.mark.parametrize(
    ("error", "policy", "attempt", "outcome"),
    [
        (None, ONCE, 1, Completed()),
        (None, THRICE, 3, Completed()),
        (Requeue(), ONCE, 1, Returned("asked for by the handler")),
        (Requeue(), THRICE, 9, Returned("asked for by the handler")),
        (ClaimLost("taken over"), THRICE, 1, Returned("ClaimLost: taken over")),
        (Park("a person must look"), THRICE, 1, Parked("a person must look")),
        (Undecodable("not JSON"), THRICE, 1, Parked("not JSON")),
        (FAILURE, ONCE, 1, Parked(LOST, FAILURE)),
        (FAILURE, THRICE, 1, Again(2, 2, LOST)),
        (FAILURE, THRICE, 2, Again(3, 20, LOST)),
        (FAILURE, THRICE, 3, Parked(LOST, FAILURE)),
        (FAILURE, THRICE, 8, Parked(LOST, FAILURE)),
        (LATE, THRICE, 1, Again(2, 2, f"HandlerTimeout: {LATE}")),
        (Retry(), THRICE, 1, Again(2, 2, "Retry: later")),
        (Retry(7), THRICE, 1, Again(2, 7, "Retry: after 7 s", by_policy=False)),
        (Retry(0, "not yet"), ONCE, 1, Again(2, 0, "Retry: not yet", by_policy=False)),
        (Retry(7), ONCE, ASKED_FOR - 1, Again(ASKED_FOR, 7, "Retry: after 7 s", by_policy=False)),
    ],
)
def test_each_way_to_end_has_its_outcome(
    error: BaseException | None, policy: RetryPolicy, attempt: int, outcome: Outcome
) -> None:
    assert outcome_of(error, policy, attempt, 0.5) == outcome


@pytest.mark.parametrize(
    "error", [KeyError("x"), SystemExit(1), KeyboardInterrupt(), BaseExceptionGroup("", [FAILURE])]
)
def test_what_the_policy_does_not_cover_is_parked_at_once(error: BaseException) -> None:
    outcome = outcome_of(error, THRICE, 1, 0)
    assert isinstance(outcome, Parked)
    assert outcome.error is error


def test_a_handler_that_asks_for_ever_is_parked_in_the_end() -> None:
    assert isinstance(outcome_of(Retry(1), ONCE, ASKED_FOR, 0), Parked)


def test_a_policy_with_more_attempts_lets_it_ask_for_more() -> None:
    assert isinstance(outcome_of(Retry(1), RetryPolicy(attempts=ASKED_FOR + 1), ASKED_FOR, 0), Again)


def test_outcomes_have_the_names_that_events_use() -> None:
    outcomes: list[Outcome] = [Completed(), Returned("x"), Again(2, 1, "x"), Parked("x")]
    assert [each.name for each in outcomes] == ["completed", "returned", "retry", "parked"]
