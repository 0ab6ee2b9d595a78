"""Workers of this machine are found without being named: while they live, and by nobody's leave but their user's."""

import json
import multiprocessing
import os
import stat
import tempfile
from pathlib import Path

import pytest

from consumer.observe.whereabouts import Whereabouts, found, reached_at, told

OURS = Whereabouts(os.getpid(), "127.0.0.1:8080")


@pytest.fixture(autouse=True)
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The session's directory, and a temporary folder of the test's own."""
    session, temporary = tmp_path / "session", tmp_path / "temporary"
    session.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return session


def notes(directory: Path) -> list[Path]:
    return [*directory.rglob("*.*")]


def test_a_worker_is_found_while_it_answers_and_leaves_nothing_behind(session: Path) -> None:
    with told("127.0.0.1:0", 8080), told("127.0.0.1:0", 8081):
        assert found() == [OURS, Whereabouts(os.getpid(), "127.0.0.1:8081")]

    assert found() == []
    assert notes(session) == []


def test_a_note_says_a_process_and_an_address_and_no_more(session: Path) -> None:
    with told("0.0.0.0:0", 8080):
        [note] = notes(session)

        assert json.loads(note.read_text()) == {"pid": os.getpid(), "address": "127.0.0.1:8080"}
        assert stat.S_IMODE(note.stat().st_mode) & 0o077 == 0
        assert stat.S_IMODE(note.parent.stat().st_mode) == 0o700


def killed_while_told() -> None:
    with told("127.0.0.1:0", 8080):
        os.kill(os.getpid(), 9)


def test_a_killed_workers_note_is_not_believed_and_the_next_worker_removes_it(session: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=killed_while_told)
    child.start()
    child.join()

    [old] = notes(session)
    assert found() == []
    with told("127.0.0.1:0", 8080):
        assert found() == [OURS]
        assert not old.exists()


def test_a_worker_of_another_session_is_found_in_the_temporary_folder(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session / "of nobody"))
    with told("127.0.0.1:0", 8080):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
        assert found() == [OURS]


@pytest.mark.parametrize("folders", [["nor such"], []], ids=["gone", "none can be written to"])
def test_where_no_note_can_be_left_the_worker_runs_as_well(
    session: Path, monkeypatch: pytest.MonkeyPatch, folders: list[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session / "no such"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(session / each) for each in folders])

    with told("127.0.0.1:0", 8080):
        assert found() == []


def test_a_directory_that_others_can_write_to_is_neither_used_nor_believed(session: Path) -> None:
    (session / "lastcall").mkdir()
    (session / "lastcall").chmod(0o777)

    with told("127.0.0.1:0", 8080):
        [note] = notes(session.parent / "temporary")
        assert note.suffix == ".json"
        assert notes(session) == []
        note.rename(session / "lastcall" / note.name)
        assert found() == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x", "address": 1}', "\x00", '{"pid": 1'])
def test_what_is_no_note_is_passed_over(session: Path, text: str) -> None:
    with told("127.0.0.1:0", 8080):
        [note] = notes(session)
        note.write_text(text)
        assert found() == []


@pytest.mark.parametrize(
    ("listening", "reached"),
    [
        ("8080", "127.0.0.1:9"),
        ("0.0.0.0:8080", "127.0.0.1:9"),
        ("[::]:8080", "[::1]:9"),
        ("[::1]:0", "[::1]:9"),
        ("10.1.2.3:80", "10.1.2.3:9"),
    ],
)
def test_an_address_is_one_that_can_be_asked(listening: str, reached: str) -> None:
    assert reached_at(listening, 9) == reached
