"""Several processes, told something while one of them is being started: it hears that once, and the last word last."""

import subprocess
import sys
from signal import SIGTERM
from threading import Event
from typing import Any

import pytest

from consumer.hosts import fleet
from consumer.hosts.fleet import Fleet
from consumer.hosts.parent_link import QUIET, RESUME

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fleet")

A_PROCESS = ["sleep", "60"]
A_LISTENER = """
import json, os, socket
with socket.socket(fileno=int(os.environ["LASTCALL_PARENT_LINK"].partition(":")[0])) as link:
    heard = [link.recv(1).decode() for _ in range(3)]
    link.sendall(json.dumps({"finished": 0, "handed_back": 0, "orphans": heard}).encode())
"""


class Recorded(subprocess.Popen[bytes]):
    """A process that remembers which signals it was sent."""

    living: "list[Recorded]"

    def __init__(self, *args: Any, **options: Any) -> None:
        self.sent: list[int] = []
        super().__init__(*args, **options)
        self.living.append(self)

    def send_signal(self, sig: int) -> None:
        self.sent.append(sig)
        super().send_signal(sig)


class Asked(Event):
    """The fleet is told to stop at the very moment when it asks, for the so manieth time, whether it was."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.fleet: Fleet | None = None
        self._left = times

    def is_set(self) -> bool:
        self._left -= 1
        if self._left == 0 and self.fleet is not None:
            self.fleet.stop("now")
            self.fleet.stop("again")
        return super().is_set()


@pytest.mark.parametrize(
    ("times", "sent"),
    [
        pytest.param(1, [], id="before its start"),
        pytest.param(2, [SIGTERM], id="between its start and the question whether it is to stop"),
    ],
)
def test_a_stop_at_a_childs_start_is_told_once(monkeypatch: pytest.MonkeyPatch, times: int, sent: list[int]) -> None:
    Recorded.living = []
    monkeypatch.setattr(subprocess, "Popen", Recorded)
    asked = Asked(times)
    monkeypatch.setattr(fleet, "Event", lambda: asked)
    asked.fleet = Fleet(A_PROCESS, 1)
    asked.fleet.run()
    assert [each.sent for each in Recorded.living] == ([sent] if sent else [])
    assert all(each.returncode == -SIGTERM for each in Recorded.living)


class Wavering(Fleet):
    """Told to be quiet, and to resume in the very moment when that is passed on."""

    _asked = 0

    @property
    def wish(self) -> bytes:
        self._asked += 1
        if self._asked == 1:
            self.resume()
            return QUIET
        return self._wished

    @wish.setter
    def wish(self, wish: bytes) -> None:
        self._wished = wish


def test_a_wish_that_changes_at_a_childs_start_is_told_last(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "lastcall")
    assert Wavering([sys.executable, "-c", A_LISTENER], 1).run() == 0
    assert f"orphans: {RESUME.decode()}, {QUIET.decode()}, {RESUME.decode()};" in caplog.text
