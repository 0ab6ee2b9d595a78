"""What the event stream promises: whole lines, one write each, and never a broken worker."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer.core.events import Event
from consumer.errors import ConfigurationError
from consumer.observe.event_stream import EventStream


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_event_is_a_line_that_says_what_when_and_by_whom(tmp_path):
    path = tmp_path / "events.jsonl"
    stream = EventStream(str(path), "worker-1")
    stream(Event("received", "orders", "m1", {"tag": 3, "redelivered": False}))
    stream(Event("drain_finished", data={"exit_code": 0, "orphans": ["m2"]}))
    stream.close()
    received, finished = lines_of(path)
    assert received["event"] == "received"
    assert (received["queue"], received["message_id"]) == ("orders", "m1")
    assert (received["tag"], received["redelivered"]) == (3, False)
    assert (received["worker"], received["pid"]) == ("worker-1", os.getpid())
    assert received["at"] > 1_600_000_000
    assert received["monotonic"] <= finished["monotonic"]
    assert (finished["queue"], finished["message_id"], finished["orphans"]) == (None, None, ["m2"])


def test_an_event_is_on_disk_at_once_so_that_a_killed_worker_loses_none(tmp_path):
    path = tmp_path / "events.jsonl"
    stream = EventStream(str(path), "w")
    stream(Event("started", "orders", "m1"))
    assert [line["event"] for line in lines_of(path)] == ["started"]
    stream.close()


def test_several_workers_may_share_a_file(tmp_path):
    path = tmp_path / "events.jsonl"
    streams = [EventStream(str(path), f"w{number}") for number in range(2)]
    for _ in range(3):
        for stream in streams:
            stream(Event("started"))
    for stream in streams:
        stream.close()
    assert [line["worker"] for line in lines_of(path)] == ["w0", "w1"] * 3


def test_data_can_not_pass_for_what_the_stream_itself_says(tmp_path):
    path = tmp_path / "events.jsonl"
    stream = EventStream(str(path), "w")
    stream(Event("started", "orders", "m1", {"event": "forged", "pid": 1}))
    stream.close()
    assert (lines_of(path)[0]["event"], lines_of(path)[0]["pid"]) == ("started", os.getpid())


def test_whatever_an_event_holds_makes_a_line(tmp_path):
    path = tmp_path / "events.jsonl"
    stream = EventStream(str(path), "w")
    stream(Event("parked", "q", "bad \ud800 id\n", {"reason": ValueError("x"), "tags": {1}}))
    stream.close()
    assert lines_of(path)[0]["message_id"] == "bad \ud800 id\n"


def test_a_dash_writes_to_standard_output_and_leaves_it_open(capfd):
    stream = EventStream("-", "w")
    stream(Event("started"))
    stream.close()
    stream.close()
    sys.stdout.write("still open\n")
    sys.stdout.flush()
    event, rest = capfd.readouterr().out.splitlines()
    assert (json.loads(event)["event"], rest) == ("started", "still open")


def test_a_path_that_can_not_be_written_stops_the_start_with_the_flag(tmp_path):
    with pytest.raises(ConfigurationError, match="--events or LASTCALL_EVENTS") as caught:
        EventStream(str(tmp_path / "missing" / "events.jsonl"), "w")
    assert "missing/events.jsonl" in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_stream_with_one_warning_and_not_the_worker(caplog):
    stream = EventStream("/dev/full", "w")
    for _ in range(3):
        stream(Event("started"))
    stream.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "/dev/full has ended" in caplog.text


def test_a_closed_pipe_ends_the_stream_and_not_the_worker(tmp_path, caplog):
    fifo = tmp_path / "events.fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    stream = EventStream(str(fifo), "w")
    os.close(reader)
    stream(Event("started"))
    stream(Event("finished"))
    assert len(caplog.records) == 1
