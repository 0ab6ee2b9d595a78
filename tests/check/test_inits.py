"""An init in front of the worker must signal the worker alone, and it is the worker behind it that is looked at."""

import pytest

from consumer.check.documents.dockerfile import launch
from tests.check.subjects import checked, codes, container, the

RUN = "lastcall run orders:worker"
DUMB_INIT = 'FROM python\nENTRYPOINT ["dumb-init", "--single-child", "--", "lastcall"]\nENV LASTCALL_HEALTH=8080\n'


@pytest.mark.parametrize(
    "init",
    [
        ["dumb-init", "--single-child", "--"],
        ["/usr/bin/dumb-init", "-c"],
        ["dumb-init", "-vc", "--rewrite", "1:15", "--"],
        ["tini", "--"],
        ["tini", "-s", "-e", "143", "--"],
        ["catatonit", "--"],
    ],
)
def test_one_that_signals_the_worker_alone_is_fine(init: list[str]) -> None:
    assert codes(checked(container("command", [*init, "lastcall"]))) == []


@pytest.mark.parametrize(
    "init",
    [
        ["dumb-init"],
        ["dumb-init", "--"],
        ["dumb-init", "-r", "1:15"],
        ["tini", "-g", "--"],
        ["tini", "-vg"],
        ["catatonit", "-g"],
    ],
)
def test_one_that_signals_handlers_programs_too_is_warned_of(init: list[str]) -> None:
    found = the("init-signals-all", checked(container("command", [*init, "lastcall"])))
    assert found.severity == "warning"


def test_dumb_init_is_told_by_its_variable_too() -> None:
    text = 'FROM python\nENTRYPOINT ["dumb-init", "lastcall"]\nCMD ["run", "orders:worker"]\n'
    assert codes(checked(images=(launch("Dockerfile", text),))) == ["init-signals-all"]
    assert codes(checked(images=(launch("Dockerfile", f"{text}ENV DUMB_INIT_SETSID=0\n"),))) == []


@pytest.mark.parametrize(("init", "found"), [("tini", ["init-signals-all"]), ("catatonit", [])])
def test_tini_is_told_by_its_variable_too(init: str, found: list[str]) -> None:
    env = [{"name": "LASTCALL_DRAIN_TIMEOUT", "value": "50"}, {"name": "TINI_KILL_PROCESS_GROUP", "value": "1"}]
    assert codes(checked(container("command", [init, "--", "lastcall"], container("env", env)))) == found


@pytest.mark.parametrize("script", [f"exec dumb-init {RUN}", f"a && exec env B=1 tini -g -- {RUN}"])
def test_one_that_takes_the_place_of_a_shell_is_seen(script: str) -> None:
    the("init-signals-all", checked(container("command", ["sh", "-c", script], container("args", None))))


def test_one_that_a_script_tells_to_signal_the_worker_alone_is_fine() -> None:
    script = f"DUMB_INIT_SETSID=0 exec dumb-init {RUN}"
    assert codes(checked(container("command", ["sh", "-c", script], container("args", None)))) == []


@pytest.mark.parametrize("init", [["tini", "-g", "--"], ["dumb-init"]])
def test_a_shell_that_stays_dies_of_the_signal_and_its_init_ends_the_container(init: list[str]) -> None:
    """Though the worker behind it has had the signal, and drains."""
    report = checked(container("command", [*init, "sh", "-c", RUN], container("args", None)))
    assert set(codes(report)) == {"shell-entrypoint", "init-signals-all"}


def test_the_image_of_this_project_is_fine() -> None:
    assert codes(checked(images=(launch("Dockerfile", f'{DUMB_INIT}CMD ["run", "orders:worker"]'),))) == []


@pytest.mark.parametrize("command", ['["top", "worker-1:8080"]', '["check", "orders:worker"]'])
def test_another_command_behind_an_init_is_no_worker(command: str) -> None:
    report = checked(images=(launch("Dockerfile", f"{DUMB_INIT}CMD {command}\nSTOPSIGNAL SIGQUIT"),))
    assert codes(report) == []


def test_an_init_without_anything_behind_it_is_no_worker() -> None:
    assert codes(checked(images=(launch("Dockerfile", 'FROM x\nENTRYPOINT ["tini", "--"]\nSTOPSIGNAL SIGQUIT'),))) == []
