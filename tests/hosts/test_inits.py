"""Behind an init on a terminal, Ctrl+C must count once: the worker leaves the init's group, and nobody else's."""

import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

TELLS_ITS_GROUP = """
import os
from consumer.hosts.signals import StopSignals

StopSignals().install()
print("together" if os.getpgrp() == os.getpgid(os.getppid()) else "apart")
"""
PROGRAM = [sys.executable, "-c", TELLS_ITS_GROUP]

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells which process is an init"),
]


def said_on_a_terminal(command: list[str]) -> str:
    """What it writes to a terminal that is its own, to the end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    said = b""
    with suppress(OSError):  # EIO: nobody has it open any more
        while part := os.read(terminal, 1024):
            said += part
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0
    return said.decode().strip()


def test_on_a_terminal_the_group_of_an_init_is_left(dumb_init: str) -> None:
    assert said_on_a_terminal([dumb_init, "--single-child", "--", *PROGRAM]) == "apart"


def test_whoever_kills_by_the_group_still_reaches_a_worker_without_a_terminal(dumb_init: str) -> None:
    command = [dumb_init, "--single-child", "--", *PROGRAM]
    ran = subprocess.run(command, start_new_session=True, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "together"


def test_the_group_of_a_shell_is_kept() -> None:
    shell = shutil.which("sh")
    assert shell is not None
    assert said_on_a_terminal([shell, "-c", '"$@"; true', "sh", *PROGRAM]) == "together"
