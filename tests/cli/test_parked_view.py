"""What a person sees of parked messages: never a terminal escape, always a body that can be read, one honest line."""

import json

import pytest
from rich.console import Console

from consumer.cli import parked_view as view
from consumer.core.delivery import Message, Properties
from consumer.core.parked import ParkedStory, story_of
from consumer.parked.moves import Tally

HEADERS: dict[str, object] = {
    "x-lastcall-reason": "ValueError: no such tenant\x1b[2J\nsecond line",
    "x-lastcall-queue": "orders",
    "x-lastcall-exchange": "shop",
    "x-lastcall-routing-key": "paid",
    "x-lastcall-copy": 1,
    "x-lastcall-attempt": 3,
    "x-lastcall-parked-at": "2024-05-06T07:08:09+02:00",
    "x-lastcall-exception": "ValueError",
    "x-lastcall-traceback": "Traceback\n  in charge\nValueError: no such tenant",
    "tenant": "[bold]a",
}


def message(body: bytes = b'{"id": 1}', headers: dict[str, object] = HEADERS) -> Message:
    return Message(body, "orders.parked", properties=Properties("order-1", headers, "application/json"))


def story() -> ParkedStory:
    return story_of(message())


def rendered(*rows: tuple[int, ParkedStory]) -> str:
    console = Console(width=view.WIDE, no_color=True)
    with console.capture() as captured:
        console.print(view.table(rows))
    return captured.get()


def test_a_row_tells_the_gist_and_its_times_in_utc() -> None:
    row = next(line for line in rendered((7, story())).splitlines() if "order-1" in line)
    for told in ("7", "ValueError", "3", "2024-05-06 05:08:09Z", "9"):
        assert told in row


def test_a_long_reason_is_shortened_and_stays_on_its_line() -> None:
    long = story_of(message(headers={"x-lastcall-reason": "q" * 5000}))
    assert rendered((1, long)).count("q") == view.REASON_SHOWN - len("...")
    assert "no such tenant\\x1b[2J second line" in rendered((1, story()))


@pytest.mark.parametrize("text", ["\x1b[31m", "\x07", "\x9b31m", "\r", "\u202e", "\ud800"])
def test_nothing_that_a_terminal_obeys_is_written(text: str) -> None:
    shown = view.printable(f"a{text}b")
    assert shown.startswith("a\\")
    assert shown.isprintable()
    assert view.printable("tab\there\nünïcödé") == "tab\there\nünïcödé"


def test_a_whole_message_has_story_properties_headers_traceback_and_body() -> None:
    shown = view.whole(7, story(), message())
    assert shown.splitlines()[0] == "---- message 7: order-1 ----"
    for told in ("came from", "queue orders, exchange 'shop', routing key 'paid'", "application/json", "[bold]a"):
        assert told in shown
    assert "traceback\n  Traceback\n    in charge\n  ValueError: no such tenant\nbody (JSON, 9 bytes)" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        (b'{"id":1,"name":"J\xc3\xb6rg"}', "JSON", '{\n  "id": 1,\n  "name": "Jörg"\n}'),
        (b"plain text", "text", "plain text"),
        (b"[" * 100_000, "text", "[" * 100_000),
        (b"", "text", ""),
        (b"\x00\xff\x41", "hex", f"00000000  {'00 ff 41':<48} ..A"),
        (b"\xff" * 17, "hex", "\n".join([f"00000000  {'ff ' * 16} {'.' * 16}", f"00000010  {'ff':<48} ."])),
    ],
)
def test_a_body_is_shown_as_what_it_is(body: bytes, kind: str, shown: str) -> None:
    assert view.readable(body) == (kind, shown)


def test_a_json_line_has_the_whole_story() -> None:
    told = json.loads(view.as_json(7, story()))
    assert (told["number"], told["message_id"], told["attempts"], told["queue"]) == (7, "order-1", 3, "orders")
    assert told["parked_at"] == "2024-05-06T05:08:09+00:00"


@pytest.mark.parametrize(
    ("tally", "line"),
    [
        (Tally(0), "q: 0 moved, 0 left"),
        (Tally(5, looked=5, wanted=5, done=5), "q: 5 moved, 0 left"),
        (
            Tally(5, looked=4, wanted=3, done=2, unmoved=1),
            "q: 2 moved, 1 could not be (see above), 1 skipped, 1 not looked at, 3 left",
        ),
    ],
)
def test_the_summary_adds_up(tally: Tally, line: str) -> None:
    assert view.moved("q", tally, "moved", dry_run=False) == line


def test_the_summary_of_a_dry_run_says_that_nothing_was_changed() -> None:
    tally = Tally(5, looked=5, wanted=2, done=2)
    assert view.moved("q", tally, "moved", dry_run=True) == "q: 2 would be moved, 3 skipped, nothing was changed"
