"""The drill reads what the workers wrote, whole lines only, however the writes fall."""

import json
from pathlib import Path

from consumer.testing.drill.journal import Journal


def line(message_id: str) -> str:
    keys = {"event": "started", "at": 1e9, "monotonic": 5.5, "pid": 7, "worker": "w", "queue": "q", "attempt": 1}
    return json.dumps({**keys, "message_id": message_id}) + "\n"


def test_each_line_is_read_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    with Journal(tmp_path / "events") as journal, (tmp_path / "events").open("a", buffering=1) as worker:
        assert journal.read_new() == []
        worker.write(line("a") + line("b")[:20])
        worker.flush()
        assert [(record.message_id, record.at, record.pid) for record in journal.read_new()] == [("a", 5.5, 7)]
        worker.write(line("b")[20:])
        assert [record.message_id for record in journal.read_new()] == ["b"]
        assert journal.read_new() == []
