"""What is done with a delivery follows from how its handler ended, and from nothing else."""

import pytest

from consumer.core.outcome import Completed, Outcome, Parked, Returned, outcome_of
from consumer.errors import Park, Requeue, Undecodable

FAILURE = ValueError("no such tenant")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Completed()),
        (Requeue(), Returned("asked for by the handler")),
        (Park("a person must look"), Parked("a person must look")),
        (Undecodable("not JSON"), Parked("not JSON")),
        (FAILURE, Parked("ValueError: no such tenant", FAILURE)),
    ],
)
def test_each_way_to_end_has_its_outcome(error: BaseException | None, outcome: Outcome) -> None:
    assert outcome_of(error) == outcome


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), ExceptionGroup("many", [FAILURE])])
def test_everything_else_that_is_raised_is_a_failure(error: BaseException) -> None:
    outcome = outcome_of(error)
    assert isinstance(outcome, Parked)
    assert outcome.error is error


def test_outcomes_have_the_names_that_events_use() -> None:
    assert [Completed().name, Returned("x").name, Parked("x").name] == ["completed", "returned", "parked"]
