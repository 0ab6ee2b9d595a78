"""A running worker is looked at by its process id: its settings, its signals, the shell that started it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumer.cli.check_sources import process
from consumer.errors import ConfigurationError
from consumer.hosts.inits import behind
from tests.check.subjects import checked, codes, worker

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells of processes"),
]
ROOT = Path(__file__).parents[2]
WAITS = "import signal, sys; {}; print('here', flush=True); sys.stdin.read()"
DEAF = WAITS.format("pass")
HEARS = WAITS.format("signal.signal(signal.SIGTERM, lambda *_: None)")


@contextmanager
def running(command: Sequence[str], **environment: str) -> Iterator[int]:
    """Its process id, once it has said that it is here."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment})
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == b"here\n"
        yield child.pid
        os.kill(behind(child.pid), signal.SIGKILL)


def test_one_that_handles_sigterm_is_fine() -> None:
    with running([sys.executable, "-c", HEARS]) as pid:
        assert codes(checked(process=process(pid))) == []


def test_one_that_does_not_breaks_the_promise() -> None:
    with running([sys.executable, "-c", DEAF]) as pid:
        report = checked(process=process(pid))
    assert codes(report) == ["sigterm-unheard"]
    assert report.findings[0].where.source == f"process {pid}"


def test_a_shell_around_it_breaks_the_promise() -> None:
    with running(["sh", "-c", "echo here; read x; exec lastcall run orders:worker"]) as pid:
        looked_at = process(pid)
    assert codes(checked(process=looked_at)) == ["sigterm-unheard"]
    with running(["sh", "-c", "echo here; read x; lastcall run orders:worker"]) as pid:
        assert "shell-entrypoint" in codes(checked(process=process(pid)))


def test_of_an_init_the_worker_that_it_runs_is_looked_at(dumb_init: str) -> None:
    command = [dumb_init, "--single-child", "--", sys.executable, "-c", DEAF]
    with running(command, LASTCALL_PREFETCH="900", LASTCALL_CONCURRENCY="100") as pid:
        looked_at = process(pid)
        report = checked(process=looked_at)
    assert set(codes(report)) == {"prefetch-far-above-concurrency", "sigterm-unheard"}  # dumb-init itself does hear it
    assert re.fullmatch(rf"process \d+, run by dumb-init, process {pid}", looked_at.where.source)


@pytest.mark.parametrize("of", ["init", "worker"])
def test_an_init_that_signals_all_is_seen_in_front_of_a_process(dumb_init: str, of: str) -> None:
    with running([dumb_init, "--", sys.executable, "-c", HEARS]) as pid:
        looked_at = process(pid if of == "init" else behind(pid))
    assert codes(checked(process=looked_at)) == ["init-signals-all"]


def test_the_settings_of_a_worker_behind_an_init_and_a_script_are_its_own(dumb_init: str, tmp_path: Path) -> None:
    script = tmp_path / "entry.sh"
    script.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "$HEARS" run orders:worker --prefetch 900 --concurrency 1\n'
    )
    script.chmod(0o755)
    with running([dumb_init, "-c", "--", str(script)], HEARS=HEARS) as pid:
        report = checked(process=process(pid))
    assert codes(report) == ["prefetch-far-above-concurrency"]
    assert not any("entry.sh" in each.what for each in report.unchecked)


def test_a_shell_between_an_init_and_the_worker_breaks_the_promise(dumb_init: str) -> None:
    script = f'"{sys.executable}" -c "$HEARS" run orders:worker; true'
    with running([dumb_init, "-c", "--", "sh", "-c", script], HEARS=HEARS) as pid:
        shell = behind(pid)
        [worker_pid] = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        report = checked(process=process(int(worker_pid)))
        os.kill(int(worker_pid), signal.SIGKILL)
    assert codes(report) == ["shell-entrypoint"]


def test_its_own_settings_hold() -> None:
    command = [sys.executable, "-c", HEARS, "run", "orders:worker", "--prefetch", "900"]
    with running(command, LASTCALL_CONCURRENCY="100", LASTCALL_DRAIN_TIMEOUT="9") as pid:
        report = checked(process=process(pid), of=worker(timeout=10))
    assert set(codes(report)) == {"prefetch-far-above-concurrency", "drain-shorter-than-handler"}


def test_one_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(ConfigurationError, match=r"--pid .*can't be looked at"):
        process(2**22 + 1)


def test_the_command_looks_at_it(tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(
        "from consumer import Worker\nworker = Worker()\n@worker.handler('orders')\nasync def charge(o: dict): ...\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with running([sys.executable, "-c", DEAF]) as pid:
        command = [sys.executable, "-m", "consumer", "check", "orders:worker", "--json", "--pid", str(pid)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert [each["code"] for each in json.loads(done.stdout)["findings"]] == ["sigterm-unheard"]
