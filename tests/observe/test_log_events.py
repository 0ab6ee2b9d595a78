"""What the logs promise: levels that suit, keys that can be searched, no secrets, no surprise on import."""

import json
import logging
import subprocess
import sys

import pytest

from consumer.core.events import Event
from consumer.observe.log_events import log_event


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (Event("received", "q", "m"), logging.DEBUG),
        (Event("settled", "q", "m"), logging.DEBUG),
        (Event("requeued", "q", "m", {"reason": "drain"}), logging.DEBUG),
        (Event("connected"), logging.INFO),
        (Event("consuming"), logging.INFO),
        (Event("drain_started", data={"in_flight": 3}), logging.INFO),
        (Event("drain_finished", data={"orphans": []}), logging.INFO),
        (Event("drain_finished", data={"orphans": ["m1"]}), logging.WARNING),
        (Event("requeued", "q", "m", {"reason": "orphan"}), logging.WARNING),
        (Event("lease_lost", "q", "m"), logging.WARNING),
        (Event("parked", "q", "m"), logging.WARNING),
        (Event("connection_lost"), logging.WARNING),
        (Event("queue_at_risk", "q", data={"limit": 20}), logging.WARNING),
    ],
)
def test_an_event_is_logged_as_loud_as_it_matters(caplog, event, level):
    caplog.set_level(logging.DEBUG, logger="lastcall")
    log_event(event)
    assert [record.levelno for record in caplog.records] == [level]


def test_a_log_line_reads_by_itself_where_logs_are_plain_text(caplog):
    log_event(Event("lease_lost", "orders", "m1", {"state": "in_flight"}))
    assert caplog.messages == ["lease_lost queue='orders' message_id='m1' state='in_flight'"]


PROGRAM = """
import logging, sys
import structlog
from consumer.core.events import Event
from consumer.observe.log_events import log_event
from consumer.observe.logs import configure_logging
assert not logging.getLogger().handlers and not structlog.is_configured()
if "user-first" in sys.argv:
    logging.basicConfig(format="mine %(message)s", level="INFO")
configure_logging("info", sys.argv[1])
log_event(Event("received", "q", "m1"))
log_event(Event("parked", "q", "m1", {"reason": "no such order", "event": "forged"}))
structlog.get_logger("app").info("charged", order="o1")
logging.getLogger("aiormq").info("chatter")
logging.getLogger("aiormq").warning("closed")
logging.getLogger("aiormq.connection").error("error when creating transport: %r", OSError())
def handler():
    password = "hunter2"
    raise ValueError("boom")
try:
    handler()
except ValueError:
    logging.getLogger("app").exception("failed")
"""


def logged(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_json_logs_hold_ours_structlogs_and_the_librarys_records_alike():
    records = [json.loads(line) for line in logged("auto").splitlines()]
    assert [(each["event"], each["level"]) for each in records] == [
        ("parked", "warning"),
        ("charged", "info"),
        ("closed", "warning"),
        ("failed", "error"),
    ]
    assert (records[0]["queue"], records[0]["message_id"]) == ("q", "m1")
    assert (records[0]["reason"], records[1]["order"]) == ("no such order", "o1")
    assert "ValueError: boom" in records[3]["exception"]
    assert all("timestamp" in each and "logger" in each for each in records)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_local_variables(log_format):
    text = logged(log_format)
    assert "ValueError: boom" in text
    assert text.count("hunter2") == text.count('password = "hunter2"')  # source lines at most, never values


def test_logging_that_the_user_has_set_up_stays_the_users():
    lines = logged("json", "user-first").splitlines()
    assert lines[0] == "mine parked queue='q' message_id='m1' reason='no such order' event='forged'"
    assert lines[1] == "mine charged"
    assert lines[2] == "mine closed"
