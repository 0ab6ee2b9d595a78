"""The verdict: each kind of broken promise is seen, and nothing else is called one."""

from collections.abc import Sequence

import pytest

from consumer.testing.drill.journal import Record
from consumer.testing.drill.verdict import Exit, Signal, Verdict, judge

STAYER, LEAVER = 1, 2


def event(name: str, at: float, pid: int = STAYER, message_id: str | None = None, reason: str | None = None) -> Record:
    return Record.model_validate(
        {"event": name, "monotonic": at, "pid": pid, "message_id": message_id, "reason": reason}
    )


def run(message_id: str, at: float, pid: int = STAYER, seconds: float = 0.1) -> list[Record]:
    return [
        event("started", at, pid, message_id),
        event("finished", at + seconds, pid, message_id),
        event("settled", at + seconds, pid, message_id),
    ]


def verdict(
    records: list[Record],
    published: Sequence[str] = ("a",),
    signals: Sequence[Signal] = (),
    exits: Sequence[Exit] = (),
) -> Verdict:
    return judge(published=published, records=records, signals=signals, exits=exits, duration=1.0)


def hand_over(records: list[Record], signals: Sequence[Signal]) -> tuple[float, float]:
    """Median and worst."""
    found = verdict(records, signals=signals).hand_over
    assert found is not None
    return found.median, found.worst


def test_a_message_that_was_run_once_and_acked_keeps_the_promise() -> None:
    seen = verdict(run("a", 1.0))

    assert seen.kept
    assert (seen.published, seen.completed, seen.lost, seen.run_twice) == (1, 1, (), ())


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([], id="never started"),
        pytest.param(run("a", 1.0)[:1], id="started only"),
        pytest.param(run("a", 1.0)[:2], id="finished but never acked"),
        pytest.param(run("b", 1.0), id="another one was run"),
    ],
)
def test_a_message_that_was_never_acked_is_lost_and_breaks_the_promise(records: list[Record]) -> None:
    seen = verdict(records)

    assert seen.lost == ("a",)
    assert not seen.kept


def test_a_message_that_was_started_again_was_run_twice_and_breaks_the_promise() -> None:
    seen = verdict([event("started", 0.5, LEAVER, "a"), *run("a", 1.0)])

    assert seen.run_twice == ("a",)
    assert not seen.kept


@pytest.mark.parametrize(
    "named",
    [event("requeued", 0.7, LEAVER, "a", "orphan"), event("orphaned", 0.7, LEAVER, "a")],
    ids=["requeued", "its lease was lost before it could be requeued"],
)
def test_an_orphan_that_is_run_again_is_no_broken_promise(named: Record) -> None:
    seen = verdict([event("started", 0.5, LEAVER, "a"), named, *run("a", 1.0)])

    assert seen.orphans == ("a",)
    assert seen.run_twice == ()
    assert seen.kept


def test_a_rerun_that_the_handler_asked_for_is_no_broken_promise() -> None:
    asked = [event("started", 0.5, LEAVER, "a"), event("requeued", 0.7, LEAVER, "a", "asked for by the handler")]

    assert verdict([*asked, *run("a", 1.0)]).kept
    assert verdict([*asked, *run("a", 1.0), event("started", 2.0, STAYER, "a")]).run_twice == ("a",)


def test_a_message_handed_back_unstarted_and_run_elsewhere_was_run_once() -> None:
    seen = verdict([event("requeued", 0.7, LEAVER, "a", "drain"), *run("a", 1.0)])

    assert seen.handed_back == 1
    assert seen.kept


def test_a_parked_message_is_neither_completed_nor_lost() -> None:
    parked = [event("started", 1.0, message_id="a"), event("parked", 1.1, message_id="a")]

    seen = verdict([*parked, event("settled", 1.2, message_id="a")])

    assert (seen.completed, seen.parked, seen.lost) == (0, 1, ())
    assert seen.kept


def test_the_hand_over_lasts_from_the_signal_to_the_first_start_elsewhere_of_what_that_worker_handed_back() -> None:
    records = [
        event("requeued", 9.0, LEAVER, "a", "drain"),  # before the signal: of an earlier story
        *run("other", 10.01),  # not handed back by the leaver
        event("requeued", 10.02, LEAVER, "a", "drain"),
        event("requeued", 10.02, LEAVER, "b", "drain"),
        event("started", 10.03, LEAVER, "c"),
        *run("b", 10.25),
        *run("a", 10.50),
    ]

    assert hand_over(records, [Signal(LEAVER, 10.0)]) == pytest.approx((0.25, 0.25))


def test_a_hand_over_is_found_whatever_order_the_processes_wrote_in() -> None:
    records = [*run("a", 10.2), event("requeued", 10.1, LEAVER, "a", "drain")]

    assert hand_over(records, [Signal(LEAVER, 10.0)]) == pytest.approx((0.2, 0.2))


def test_several_hand_overs_give_the_middle_and_the_worst_one() -> None:
    delays = {11: 0.1, 12: 0.2, 13: 0.9}
    signals = [Signal(pid, float(pid)) for pid in delays]
    records = [
        record
        for pid, delay in delays.items()
        for record in (event("requeued", pid + 0.01, pid, str(pid), "drain"), *run(str(pid), pid + delay))
    ]

    assert hand_over(records, signals) == pytest.approx((0.2, 0.9))


def test_without_anything_handed_back_there_is_no_hand_over() -> None:
    assert verdict(run("a", 10.1), signals=[Signal(LEAVER, 10.0)]).hand_over is None


@pytest.mark.parametrize(
    ("records", "seconds"),
    [
        pytest.param(run("a", 10.0, LEAVER, seconds=2.0), 0.5, id="from the last handler's end"),
        pytest.param(run("a", 3.0, LEAVER), 2.5, id="from the signal, when all handlers had ended before"),
        pytest.param([], 2.5, id="from the signal, when it never ran any"),
    ],
)
def test_the_way_out_is_measured_from_the_last_handler_or_the_signal(records: list[Record], seconds: float) -> None:
    seen = verdict(records, signals=[Signal(LEAVER, 10.0)], exits=[Exit(LEAVER, 0, 12.5), Exit(STAYER, 9, 90.0)])

    assert seen.exit_after_last_handler == pytest.approx(seconds)
    assert seen.exit_codes == {0: 1, 9: 1}


def test_a_start_after_the_workers_own_drain_began_is_named() -> None:
    records = [*run("a", 1.0, LEAVER), event("drain_started", 2.0, LEAVER), *run("b", 2.1), *run("c", 2.1, LEAVER)]

    assert verdict(records, published=("a", "b", "c")).started_after_signal == ("c",)


def test_a_drill_that_was_cut_short_proves_nothing() -> None:
    seen = judge(
        published=("a",), records=run("a", 1.0), signals=[], exits=[], duration=1.0, cut_short="nothing moved for 60 s"
    )

    assert not seen.kept


def test_the_verdict_as_data_says_whether_the_promise_was_kept() -> None:
    data = verdict(run("a", 1.0)).as_data()

    assert data["kept"] is True
    assert data["completed"] == 1
