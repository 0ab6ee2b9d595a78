"""What `lastcall top` shows: who does what, who drains and for whom it waits, and nothing that a terminal obeys."""

import json
from io import StringIO

import pytest
from rich.console import Console

from consumer.cli.top_rows import NARROW, WIDE, Seen, seconds
from consumer.cli.top_status import Look, Status, rates
from consumer.cli.top_view import Picture, as_data

from .statuses import delivery, queue, status

DRAIN = {"reason": "SIGTERM", "seconds": 12.4, "timeout": 25.0}
HOSTILE = "[bold red]\x1b[2J\x9b31m\u202e\n\r[/nonsense]"


def shown(*seen: Seen, width: int = WIDE, footer: str = "") -> str:
    console = Console(file=StringIO(), width=width, no_color=True, force_terminal=True, highlight=False)
    with console.capture() as captured:
        console.print(Picture(seen, footer))
    return captured.get().replace("\x1b[1m", "").replace("\x1b[0m", "")


def reached(**facts: object) -> Seen:
    return Seen(Look("127.0.0.1:8080", status(**facts)))


def row(text: str, word: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if word in line and "workers:" not in line)


def test_a_busy_worker_is_a_row() -> None:
    busy = queue(in_flight=3, prefetched=2, redelivered=1)
    seen = reached(queues=[busy], in_flight=[delivery(seconds=8.06), delivery(seconds=2.0)])

    assert row(shown(seen), "web-1") == ["web-1", "4711", "consuming", "orders", "3/10", "2", "1", "8.1", "s", "-"]


def test_every_outcome_has_its_rate_between_two_looks_by_the_workers_own_clock() -> None:
    before = status(uptime=100.0, queues=[queue(ended={"completed": 10, "parked": 0, "retry": 3})])
    now = status(uptime=104.0, queues=[queue(ended={"completed": 50, "parked": 2, "retry": 3}), queue("mails")])
    told = rates(before, now)

    assert told == {"orders": {"completed": 10.0, "parked": 0.5}, "mails": {}}
    text = shown(Seen(Look("a", now), told))
    assert "10.0 completed, 0.5 parked" in text
    assert "10.5/s settled" in text.splitlines()[0]


@pytest.mark.parametrize("now", [status(pid=4712), status(uptime=99.0), status(uptime=100.0)])
def test_a_worker_that_was_restarted_has_no_rates_yet(now: Status) -> None:
    assert rates(status(), now) is None
    assert "settled" not in shown(Seen(Look("a", now))).splitlines()[0]


def test_a_draining_worker_is_on_top_with_all_that_it_waits_for() -> None:
    waited_for = [delivery("order-7", seconds=14.2, attempt=2), delivery(None, seconds=3.0, lease_lost=True)]
    draining = reached(drain=DRAIN, phase="draining", in_flight=waited_for, shielded=["flush"])
    text = shown(reached(worker="lastcall web-2 1"), draining)

    head = "web-1 4711 drains for 12 s of 25 s (SIGTERM) and waits for 3:"
    assert text.splitlines()[2] == head
    assert "14 s  order-7, handler charge, attempt 2" in text
    assert "3.0 s  a message without an id, handler charge, lease lost" in text
    assert "flush, a shielded stretch of a background task" in text
    assert text.index(head) < text.index("web-2")
    assert "2 workers: 1 consuming, 1 draining" in text


def test_a_worker_that_waits_for_nobody_is_said_to_leave() -> None:
    assert "waits for nothing" in shown(reached(drain=DRAIN))


def test_of_very_many_the_oldest_are_shown_and_the_rest_is_counted() -> None:
    many = [delivery(f"order-{number}", seconds=100 - number) for number in range(20)]
    text = shown(reached(drain=DRAIN, in_flight=many, in_flight_not_shown=5))

    assert "and waits for 25:" in text
    assert "order-9," in text
    assert "order-10," not in text
    assert "  and 15 more\n" in text


def test_who_can_not_be_reached_is_a_row_and_why() -> None:
    text = shown(Seen(Look("web-3:8080", problem="nothing listens there")), reached())

    assert "web-3:8080: nothing listens there" in text
    assert row(text, "web-3:8080  ") == ["web-3:8080", "not", "reached"]
    assert "2 workers: 1 not reached, 1 consuming" in text


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"phase": "reconnecting"}, "reconnecting"),
        ({"quiet": True}, "quiet"),
        ({"loop_silent_for": 7.25}, "stuck 7.2 s"),
        ({"loop_silent_for": 7.25, "drain": DRAIN}, "stuck 7.2 s"),
    ],
)
def test_what_is_wrong_with_it_is_its_state(facts: dict[str, object], state: str) -> None:
    assert f"  {state}  " in shown(reached(**facts))


def test_each_queue_has_a_row_and_says_if_nobody_consumes_it() -> None:
    text = shown(reached(queues=[queue(), queue("mails", consumed=False)]))

    assert "mails (not consumed)" in text
    assert text.count("web-1") == 1


@pytest.mark.parametrize("width", [32, 40, NARROW - 1, NARROW, WIDE])
def test_a_narrow_terminal_has_whole_words_and_no_line_beyond_its_edge(width: int) -> None:
    rate = {"orders": {"completed": 10.0, "parked": 0.5}}
    text = shown(Seen(Look("a", status(in_flight=[delivery()])), rate), width=width, footer="every 2 s")

    assert max(map(len, text.splitlines())) <= width
    for told in ("consuming", "orders", "10.", "1.5 s", "web-1", "4711", "0/10"):
        assert told in text


@pytest.mark.parametrize("width", [40, NARROW, WIDE])
def test_nothing_that_a_worker_answers_is_obeyed(width: int) -> None:
    hostile = reached(
        worker=HOSTILE,
        phase=HOSTILE,
        drain={**DRAIN, "reason": HOSTILE},
        queues=[queue(HOSTILE, ended={HOSTILE: 1})],
        in_flight=[delivery(HOSTILE, handler=HOSTILE, queue=HOSTILE)],
        shielded=[HOSTILE],
    )
    unreached = Seen(Look(HOSTILE, problem=HOSTILE))
    rated = Seen(hostile.look, {HOSTILE: {HOSTILE: 1.0}})
    text = shown(hostile, unreached, rated, width=width)

    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert "[bold red]\\x1b[2J" in text or width < NARROW  # shown as it is, and no markup


def test_a_very_long_id_is_cut() -> None:
    text = shown(reached(drain=DRAIN, in_flight=[delivery("x" * 10_000)]))

    assert text.count("x") < 100
    assert "…" in text


def test_that_nobody_is_there_is_told_with_the_mend() -> None:
    assert "--health ADDRESS" in shown()


@pytest.mark.parametrize(
    ("number", "text"), [(0.04, "0.0 s"), (9.96, "10.0 s"), (12.9, "12 s"), (185, "3 min 5 s"), (7620, "2 h 7 min")]
)
def test_durations_are_read_at_a_glance(number: float, text: str) -> None:
    assert seconds(number) == text


def test_json_has_everything_and_is_plain_ascii() -> None:
    seen = [reached(in_flight=[delivery(HOSTILE, seconds=3.5)]), Seen(Look("web-3:8080", problem="gone"))]
    text = json.dumps(as_data(seen))
    first, second = json.loads(text)["workers"]

    assert text.isascii()
    assert text.isprintable()
    assert (first["oldest_in_flight_seconds"], first["ended_per_second"], first["problem"]) == (3.5, None, None)
    assert first["status"]["in_flight"][0]["message_id"] == HOSTILE
    assert (second["address"], second["problem"], second["status"]) == ("web-3:8080", "gone", None)
