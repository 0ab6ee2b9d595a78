"""A busy pod's deletion cost is told to Kubernetes: when it differs by much, not often, and without any harm."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from consumer.core.lifecycle import Phase
from consumer.core.snapshot import InFlight, QueueSnapshot, Snapshot
from consumer.core.tally import Published, Tally
from consumer.errors import ConfigurationError
from consumer.observe.deletion_cost import (
    DRAINING,
    LEAST_BETWEEN,
    LONGEST_WAIT,
    LOOKS_THAT_COUNT,
    Pace,
    costing,
    worth_telling,
)
from consumer.observe.log_events import LogLine
from consumer.observe.own_pod import OwnPod
from consumer.settings import Settings
from tests.engine.stage import Stage
from tests.observe.api_server import ApiServer

OFTEN = 0.01
"""Seconds between looks, where a test waits for what the API server is told."""


def seen(in_flight: int, *, draining: bool = False) -> Snapshot:
    """A worker with so many handlers."""
    running = tuple(InFlight("orders", "work", None, tag, 1, 1.0, lease_lost=False) for tag in range(in_flight))
    queue = QueueSnapshot("orders", "work", 100, 100, True, False, 0, running, Tally())
    draining_for = 1.0 if draining else None
    return Snapshot(Phase.CONSUMING, False, 1, None, None, draining_for, 25.0, (), (queue,), {}, Published())


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer.running(tmp_path) as server:
        yield server


def telling(api: ApiServer, look: Callable[[], Snapshot]) -> AbstractContextManager[None]:
    """This process, as if it were a pod of that server."""
    return costing(look, lambda: OwnPod(api.environment, api.given), look_every=OFTEN, least_between=0.0)


class Complaints(logging.Handler):
    """What was logged of it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.made: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line: object = record.msg
        if isinstance(line, LogLine) and line.name == "deletion_cost_not_told":
            self.made.append(f"{line.keys['problem']} {line.keys['mend']}")


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    complaints, logger = Complaints(), logging.getLogger("lastcall")
    logger.addHandler(complaints)
    yield complaints
    logger.removeHandler(complaints)


@pytest.mark.parametrize(
    ("told", "cost", "worth"),
    [
        (None, 0, True),
        (0, 0, False),
        (0, 1, True),
        (1, 0, True),
        (4, 7, False),
        (4, 8, True),
        (8, 5, False),
        (8, 4, True),
        (0, DRAINING, True),
        (8, DRAINING, True),
        (DRAINING, DRAINING, False),
    ],
)
def test_only_a_cost_that_differs_by_much_is_worth_a_request(told: int | None, cost: int, worth: bool) -> None:
    assert worth_telling(told, cost) is worth


def test_the_cost_is_the_number_of_handlers_and_less_than_an_idle_pods_while_draining() -> None:
    assert [Pace().due(each, 0.0) for each in (seen(0), seen(7), seen(7, draining=True))] == [0, 7, DRAINING]
    assert DRAINING < 0


def test_nothing_is_told_sooner_than_the_rate_allows() -> None:
    pace = Pace()
    pace.told(0, 100.0)

    assert pace.due(seen(9), 100.0 + LEAST_BETWEEN - 0.1) is None
    assert pace.due(seen(9), 100.0 + LEAST_BETWEEN) == 9


def test_a_pod_that_runs_short_messages_is_busy_and_tells_it_once() -> None:
    pace = Pace()
    pace.told(1, 0.0)
    later = 1000.0

    assert [pace.due(seen(count), later) for count in (1, 0, 0, 1, 0, 0, 0, 1)] == [None] * 8
    assert [pace.due(seen(0), later) for _ in range(LOOKS_THAT_COUNT)] == [None] * (LOOKS_THAT_COUNT - 1) + [0]


def test_after_failures_in_a_row_it_waits_longer_and_longer_up_to_a_bound() -> None:
    pace, waits, now = Pace(), list[float](), 0.0
    for _ in range(12):
        pace.failed(now)
        wait = next(s for s in range(1000) if pace.due(seen(1), now + s) is not None)
        waits.append(wait)
        now += wait

    assert waits[:3] == [2 * LEAST_BETWEEN, 4 * LEAST_BETWEEN, 8 * LEAST_BETWEEN]
    assert waits[-1] == LONGEST_WAIT
    pace.told(1, now)
    pace.failed(now)
    assert pace.due(seen(9), now + 2 * LEAST_BETWEEN) == 9  # they are in a row no more


def test_kubernetes_is_told_what_the_worker_does(api: ApiServer) -> None:
    looks = [seen(0), seen(3), seen(3), seen(9, draining=True)]

    with telling(api, lambda: looks.pop(0) if len(looks) > 1 else looks[0]):
        assert [api.patched().cost for _ in range(3)] == ["0", "3", "-1"]
    assert api.nothing_more


def test_each_cause_is_logged_once_with_its_mend_and_told_later_all_the_same(
    api: ApiServer, complaints: Complaints
) -> None:
    api.next_answers((403, "forbidden"), (403, "forbidden, again"), (500, "oh"), (403, "forbidden, still"))

    with telling(api, lambda: seen(2)):
        assert [api.patched().cost for _ in range(5)] == ["2"] * 5
    assert len(complaints.made) == 2
    assert "verb `patch` on `pods`" in complaints.made[0]
    assert "(500): oh" in complaints.made[1]


async def test_a_worker_elsewhere_than_in_a_pod_says_so_and_works(
    bare_environment: Path, monkeypatch: pytest.MonkeyPatch, complaints: Complaints
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    stage = Stage()
    stage.make(pod_deletion_cost=True)
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.strike()

    [made] = complaints.made
    assert "there is no Kubernetes here" in made


def test_a_request_that_gets_no_answer_holds_up_no_exit(api: ApiServer) -> None:
    api.may_answer.clear()

    with telling(api, lambda: seen(2)):
        api.patched()
    api.may_answer.set()


def test_several_processes_in_a_pod_can_not_tell_one_cost(bare_environment: Path) -> None:
    with pytest.raises(ConfigurationError, match="one process in a pod"):
        Settings.load(pod_deletion_cost=True, processes=2)


def test_it_is_off_unless_asked_for(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().pod_deletion_cost is False
    monkeypatch.setenv("LASTCALL_POD_DELETION_COST", "1")
    assert Settings.load().pod_deletion_cost is True
