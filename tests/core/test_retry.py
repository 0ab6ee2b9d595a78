"""A policy says how long to wait: longer each time, never more than its bound, with a part left to chance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.core.retry import RetryPolicy
from consumer.errors import LONGEST_RETRY, ConfigurationError, Retry


@pytest.mark.parametrize(("attempt", "wait"), [(1, 1), (2, 3), (3, 9), (4, 20), (5, 20), (10_000, 20)])
def test_waits_grow_up_to_their_bound(attempt: int, wait: float) -> None:
    assert RetryPolicy(first_wait=1, factor=3, longest_wait=20, jitter=0).wait(attempt, 0.7) == wait


@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1), jitter=st.floats(0, 1))
def test_chance_only_shortens_and_by_no_more_than_the_jitter(attempt: int, chance: float, jitter: float) -> None:
    policy = RetryPolicy(attempts=10_000, first_wait=0.5, longest_wait=60, jitter=jitter)
    full = policy.wait(attempt, 0)
    assert full * (1 - jitter) - 1e-9 <= policy.wait(attempt, chance) <= full <= 60


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("attempts", 0),
        ("first_wait", -1),
        ("first_wait", float("nan")),
        ("factor", 0.5),
        ("factor", float("inf")),
        ("longest_wait", LONGEST_RETRY + 1),
        ("jitter", 1.5),
        ("in_place", -0.1),
    ],
)
def test_a_number_out_of_range_is_refused_by_its_name(word: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=rf"RetryPolicy\({word}="):
        RetryPolicy(**{word: value})  # type: ignore[arg-type]  # each word takes another type


@pytest.mark.parametrize("after", [-1, LONGEST_RETRY + 1, float("nan")])
def test_a_retry_out_of_range_is_refused(after: float) -> None:
    with pytest.raises(ConfigurationError, match=r"Retry\(after="):
        Retry(after)
