"""What tests of every room share."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine is no finding: nothing here is timed

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: the workers would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no setting of ours in the environment; the directory."""
    for name in list(os.environ):
        if name.startswith("LASTCALL_") or name == "AMQP_URL":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dumb_init() -> str:
    """The init of the image: its program."""
    program = shutil.which("dumb-init", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("dumb-init is not installed: make setup")
    return program
