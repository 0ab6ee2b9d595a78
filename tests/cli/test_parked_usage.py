"""What `lastcall parked` promises to who types it: times as people write them, and exit code 2 with the mend."""

from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from consumer.cli import parked as command
from consumer.cli.app import app
from consumer.cli.parked_options import moment
from consumer.cli.parked_room import Report
from consumer.core.parked import Wanted
from consumer.errors import ConfigurationError
from consumer.parked.finding import Found
from consumer.parked.moves import Tally

NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)
NOBODY = "amqp://u:p@127.0.0.1:1/"
"""Nothing listens there."""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2h", NOW - timedelta(hours=2)),
        ("1.5 d", NOW - timedelta(hours=36)),
        ("1w", NOW - timedelta(weeks=1)),
        ("99999999w", datetime.min.replace(tzinfo=UTC)),
        ("2024-05-06", datetime(2024, 5, 6, tzinfo=UTC)),
        ("2024-05-06T07:08:09", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024-05-06T07:08:09+02:00", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)),
        ("2024-05-06T07:08:09Z", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
    ],
)
def test_a_time_is_iso_8601_or_a_duration_before_now(text: str, meant: datetime) -> None:
    assert moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2 fortnights", "-2h", "2024-13-01"])
def test_a_wrong_time_is_told_with_what_it_takes(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write 2h"):
        moment(text, NOW)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list"], "QUEUE"),
        (["lsit", "orders"], "lsit"),
        (["list", "orders", "--since", "yesterday"], "write 2h"),
        (["list", "orders", "--limit", "0"], "--limit"),
        (["replay", "orders", "--rate", "0"], "--rate"),
        (["list", "orders", "--amqp-url", "http://x/"], "amqp_url"),
        (["list", "amq.topic", "--amqp-url", NOBODY], "queue name"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(bare_environment: object, arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["parked", *arguments])
    assert (done.exit_code, told in done.stderr) == (2, True), done.stderr


def test_a_broker_that_is_away_is_told_with_exit_code_1(bare_environment: object) -> None:
    done = CliRunner().invoke(app, ["parked", "list", "orders", "--amqp-url", NOBODY])
    assert done.exit_code == 1
    assert "can't be reached" in done.stderr
    assert ":p@" not in done.stderr


@pytest.mark.parametrize("name", ["list", "show", "replay", "drop"])
def test_help_says_what_may_happen_twice_and_the_exit_codes(name: str) -> None:
    done = CliRunner().invoke(app, ["parked", name, "--help"])
    assert done.exit_code == 0
    for told in ("a duplicate", "Exit codes:", "130", "--min-attempts", "--exception"):
        assert told in done.stdout


def test_a_drop_that_nobody_can_be_asked_about_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="then give --yes"):
        command._ask(Found("orders.parked", 7, None), 7, Wanted())


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report("q", Tally(1, looked=1, wanted=1, done=1)), 0),
        (Report("q", Tally(1, looked=1)), 0),
        (Report("q", Tally(1, looked=1, wanted=1, unmoved=1)), 1),
        (Report("q", Tally(1), problem="lost"), 1),
        (Report("q", Tally(1), signalled=2), 130),
        (Report("q", Tally(1), signalled=15), 143),
    ],
)
def test_the_exit_code_says_how_it_went(report: Report, code: int) -> None:
    assert report.exit_code == code
