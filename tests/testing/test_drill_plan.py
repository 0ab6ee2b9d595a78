"""The drill's schedule: spread, repeatable, and always with work waiting at the signal."""

from itertools import pairwise

import pytest

from consumer.testing.drill.plan import ScaleDown, schedule


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another_one() -> None:
    first = schedule(seed=1, messages=500, scale_downs=5)

    assert schedule(seed=1, messages=500, scale_downs=5) == first
    assert schedule(seed=2, messages=500, scale_downs=5) != first


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("messages", "scale_downs"), [(500, 5), (2000, 30), (120, 2), (10, 10), (1, 3)])
def test_the_scale_downs_are_spread_over_the_messages(seed: int, messages: int, scale_downs: int) -> None:
    plan = schedule(seed=seed, messages=messages, scale_downs=scale_downs)

    points = [step.after for step in plan]
    stretch = 0.85 * messages / scale_downs
    assert len(plan) == scale_downs
    assert points == sorted(points)
    assert int(0.05 * messages) <= points[0]
    assert points[-1] <= 0.90 * messages
    assert all(later - earlier <= 2 * stretch + 1 for earlier, later in pairwise(points))


@pytest.mark.parametrize("seed", range(20))
def test_messages_are_published_ahead_as_far_as_the_scale_down_after_the_next(seed: int) -> None:
    plan = schedule(seed=seed, messages=500, scale_downs=5)

    assert [step.publish for step in plan] == [*(step.after for step in plan[2:]), 500, 500]


def test_a_single_scale_down_meets_workers_that_have_all_the_messages_before_them() -> None:
    assert [step.publish for step in schedule(seed=1, messages=500, scale_downs=1)] == [500]


def test_without_scale_downs_there_is_no_plan() -> None:
    assert schedule(seed=1, messages=500, scale_downs=0) == ()


@pytest.mark.parametrize(("pick", "victim"), [(0.0, "a"), (0.34, "b"), (0.67, "c"), (0.999, "c")])
def test_the_pick_names_one_of_the_running_workers(pick: float, victim: str) -> None:
    assert ScaleDown(publish=2, after=1, pick=pick).victim(["a", "b", "c"]) == victim


def test_the_only_worker_is_hit_whatever_the_pick() -> None:
    assert ScaleDown(publish=2, after=1, pick=0.9).victim(["a"]) == "a"
