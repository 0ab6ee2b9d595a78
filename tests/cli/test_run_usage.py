"""What the command promises to who types it wrong: exit code 2, the mend, and no traceback; real processes."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from consumer import __version__
from consumer.cli.run import EPILOG, run
from consumer.settings import Settings

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
WORKER = """
from consumer import Worker
worker, empty = Worker(), Worker()
@worker.handler("orders")
async def charge(order: dict) -> None: ...
"""


def lastcall(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "consumer", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "orders.py").write_text(WORKER)
    return tmp_path


def test_the_version_is_shown(here):
    done = lastcall("--version", cwd=here)
    assert (done.returncode, done.stdout) == (0, f"lastcall {__version__}\n")


def test_help_names_the_commands(here):
    done = lastcall("--help", cwd=here)
    assert done.returncode == 0
    assert "run" in done.stdout
    assert "drill" in done.stdout


def test_help_of_run_tells_flags_exit_codes_and_environment(here):
    done = lastcall("run", "--help", cwd=here)
    assert done.returncode == 0
    for told in ("--drain-timeout SECONDS", "Exit codes:", "3  drained, but", "LASTCALL_AMQP_URL_FILE", "Default: 25"):
        assert told in done.stdout


def test_the_flags_of_run_are_the_settings_that_are_told_as_flags():
    assert set(inspect.signature(run).parameters) - {"target"} == set(Settings.FLAGS)


@pytest.mark.parametrize("setting", sorted({*Settings.model_fields} - {*Settings.FLAGS}))
def test_a_setting_without_a_flag_is_named_in_the_help(setting):
    assert re.search(rf"\bLASTCALL_{setting.upper()}\b", EPILOG.partition("Without a flag: ")[2])


@pytest.mark.parametrize("command", [[], ["parked"]])
def test_what_a_command_does_is_told_in_one_whole_line(here, command):
    done = lastcall(*command, "--help", cwd=here, COLUMNS="80")
    told = done.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(told) >= 4
    assert [line for line in told if not re.fullmatch(r"  [a-z]+ +[A-Z].*[^.]\.", line)] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "orders"], "write MODULE:ATTRIBUTE"),
        (["run", "ordres:worker"], "Did you mean 'orders'?"),
        (["run", "orders:wroker"], "Did you mean 'worker'?"),
        (["run", "orders:charge"], "orders:charge is no Worker (function). Its workers: empty, worker."),
        (["run", "orders:empty"], "no handler"),
        (["run", "orders:worker", "--prefetch", "0"], "prefetch (--prefetch or LASTCALL_PREFETCH): '0' was given."),
        (["run", "orders:worker", "--log-level", "loud"], "'debug', 'info', 'warning' or 'error'"),
        (["run", "orders:worker", "--events", "/nowhere/events"], "--events or LASTCALL_EVENTS"),
        (["run", "orders:worker", "--prefecth", "3"], "--prefecth"),
        (["run"], "MODULE:ATTRIBUTE"),
        (["rnu"], "rnu"),
    ],
)
def test_wrong_usage_ends_with_code_2_and_the_mend_and_no_traceback(here, arguments, told):
    done = lastcall(*arguments, cwd=here)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_wrong_variable_ends_with_code_2_and_its_name(here):
    done = lastcall("run", "orders:worker", cwd=here, LASTCALL_DRAIN_TIMEOUT="soon")
    assert done.returncode == 2
    assert "drain_timeout (--drain-timeout or LASTCALL_DRAIN_TIMEOUT): 'soon' was given." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_address_is_told_without_its_password(here):
    done = lastcall("run", "orders:worker", cwd=here, AMQP_URL="http://user:hunter2@host/")
    assert done.returncode == 2
    assert "amqp_url" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_a_module_that_hides_the_package_is_told_with_the_mend(here):
    (here / "consumer.py").touch()
    command = [sys.executable, "-c", "from consumer.cli.entry import main; main()", "run", "orders:worker"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "hides Lastcall's own package" in done.stderr


def test_an_unknown_loop_is_a_usage_error_that_names_those_there_are(here):
    done = lastcall("run", "orders:worker", "--loop", "gevent", cwd=here)
    assert done.returncode == 2
    assert "--loop" in done.stderr
    assert "'asyncio'" in done.stderr
    assert "'uvloop'" in done.stderr


def test_a_loop_that_is_not_installed_is_a_usage_error_that_says_what_to_install(here):
    (here / "uvloop_is_missing.py").write_text(
        "import importlib.util, sys\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'uvloop' else found(name, *more)\n"
        "sys.modules['uvloop'] = None\n" + WORKER
    )
    done = lastcall("run", "uvloop_is_missing:worker", "--loop", "uvloop", cwd=here)
    assert done.returncode == 2
    assert "lastcall[fast]" in done.stderr
