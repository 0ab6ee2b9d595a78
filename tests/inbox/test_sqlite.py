"""One SQLite file, several processes; and files that can't be an inbox."""

import sys
from collections import Counter
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from consumer.errors import ConfigurationError
from consumer.inbox import SqliteInbox
from tests.inbox.sides import SqliteStore

PROCESSES, KEYS = 3, 50


@pytest.mark.process
def test_processes_that_share_a_new_file_are_granted_each_message_once(sqlite_store: SqliteStore) -> None:
    command = [sys.executable, "-m", "tests.inbox.claimant", str(sqlite_store.path)]
    workers = [
        Popen([*command, f"worker-{n}", str(KEYS)], stdin=PIPE, stdout=PIPE, text=True) for n in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "open\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    granted = Counter(int(key) for worker in workers for key in worker.communicate()[0].split())
    assert granted == dict.fromkeys(range(KEYS), 1)
    assert [worker.returncode for worker in workers] == [0] * PROCESSES


async def refused(path: Path | str) -> str:
    with pytest.raises(ConfigurationError) as error:
        await SqliteInbox(path).open()
    return str(error.value)


async def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere") in await refused(tmp_path / "nowhere" / "inbox.sqlite3")


async def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    assert "not a database" in await refused(tmp_path / "letter.txt")


async def test_memory_is_refused_since_no_other_process_could_see_it() -> None:
    assert ":memory:" in await refused(":memory:")
