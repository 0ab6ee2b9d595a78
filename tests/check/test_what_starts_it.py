"""The stop signal must reach the worker: no shell in between, and it must be one that drains."""

import pytest

from consumer import Settings
from consumer.check.documents.dockerfile import launch
from consumer.check.finding import Where
from consumer.check.subject import Launch
from tests.check.subjects import GOOD, checked, codes, container, the, worker

RUN = "lastcall run orders:worker"


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", RUN],
        ["/bin/dash", "-lc", RUN],
        ["ksh", "-o", "pipefail", "-c", RUN],
        ["sh", "-ec", f"migrate && {RUN}"],
        ["sh", "-c", f"exec migrate; {RUN}"],
        ["sh", "-c", f"{RUN} | tee /log"],
        ["sh", "-c", f"{RUN} &\nwait"],
        ["tini", "--", "sh", "-c", RUN],
    ],
)
def test_a_shell_that_stays_breaks_the_promise(command: list[str]) -> None:
    found = the("shell-entrypoint", checked(container("command", command)))
    assert "lastcall run" in found.what


def test_a_script_is_shown_without_its_secrets() -> None:
    script = f"DB_PASSWORD=hunter2 {RUN} --amqp-url amqp://u:hunter2@host/"
    assert "hunter2" not in the("shell-entrypoint", checked(container("command", ["sh", "-c", script]))).what


@pytest.mark.parametrize(
    "command",
    [
        ["lastcall"],
        ["python", "-m", "consumer"],
        ["sh", "-c", f"exec {RUN}"],
        ["sh", "-c", f"cd /srv && exec {RUN}"],
        ["sh", "-c", f"trap 'kill -TERM $P' TERM; {RUN} & P=$!; wait"],
        ["tini", "--", "lastcall"],
    ],
)
def test_what_passes_the_signal_on_is_fine(command: list[str]) -> None:
    assert codes(checked(container("command", command))) == []


@pytest.mark.parametrize("command", [["/entrypoint.sh"], ["sh", "/entrypoint.sh"], ["bash", "-e", "/entrypoint.sh"]])
def test_what_a_script_does_is_said_to_be_unknown(command: list[str]) -> None:
    report = checked(container("command", command))
    assert codes(report) == []
    assert any(each.what.startswith("what /entrypoint.sh does") for each in report.unchecked)


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ('ENTRYPOINT ["lastcall"]\nCMD ["run", "orders:worker"]', []),
        (f"ENTRYPOINT exec {RUN}", []),
        (f"ENTRYPOINT {RUN}", ["shell-entrypoint"]),
        (f"CMD {RUN}", ["shell-entrypoint"]),
        ('ENTRYPOINT ["sh", "-c"]\nCMD ["lastcall run orders:worker"]', ["shell-entrypoint"]),
        ('ENTRYPOINT ["lastcall"]\nCMD \\\n  # first this\n  ["run", \\\n "orders:worker"]', []),
        ('ENTRYPOINT lastcall\nFROM base\nENTRYPOINT ["lastcall"]', []),
        ('ENTRYPOINT ["lastcall"]\nSTOPSIGNAL SIGQUIT', ["stop-signal"]),
        ('ENTRYPOINT ["lastcall"]\nSTOPSIGNAL 9', ["stop-signal"]),
        ('ENTRYPOINT ["lastcall"]\nSTOPSIGNAL HUP', ["stop-signal"]),
        ('ENTRYPOINT ["lastcall"]\nSTOPSIGNAL SIGTERM', []),
        ('ENTRYPOINT ["lastcall"]\nSTOPSIGNAL 2', []),
        ('ENTRYPOINT ["lastcall"]\nSTOPSIGNAL $S', []),
        (f"FROM x AS app\nCMD {RUN}\nFROM app", ["shell-entrypoint"]),
        (f"FROM x AS app\nCMD {RUN}\nFROM y\nENTRYPOINT\texec {RUN}", []),
        ('ENTRYPOINT ["lastcall"]\nENV LASTCALL_HEALTH=8080 PATH=$PATH', []),
        ('ENTRYPOINT ["lastcall"]\nENV LASTCALL_HELTH=8080', ["unknown-setting"]),
    ],
)
def test_a_dockerfile_is_held_to_the_same(text: str, findings: list[str]) -> None:
    assert codes(checked(images=(launch("Dockerfile", f"FROM python\n{text}\n"),))) == findings


def test_a_signal_that_the_settings_name_is_one_that_drains() -> None:
    image = launch("Dockerfile", 'FROM x\nENTRYPOINT ["lastcall"]\nSTOPSIGNAL SIGHUP')
    assert codes(checked(images=(image,))) == ["stop-signal"]
    assert codes(checked(images=(image,), of=worker(settings=Settings(stop_signals="SIGHUP")))) == []


def test_a_pod_that_names_its_stop_signal_is_held_to_that() -> None:
    assert codes(checked(container("lifecycle", {"stopSignal": "SIGUSR1"}))) == ["stop-signal"]
    assert codes(checked(container("lifecycle", {"stopSignal": "SIGTERM"}))) == []


@pytest.mark.parametrize(
    ("service", "findings"),
    [
        ({"command": f"sh -c '{RUN}'"}, ["shell-entrypoint"]),
        ({"command": RUN}, []),
        ({"entrypoint": ["sh", "-c"], "command": [RUN]}, ["shell-entrypoint"]),
        ({"command": RUN, "stop_signal": "SIGKILL"}, ["stop-signal"]),
        ({"command": RUN, "environment": ["LASTCALL_DRAIN_TIMEOUT=${DRAIN:-50}"]}, ["grace-too-short"]),
        ({"command": RUN, "environment": {"LASTCALL_DRAIN_TIMEOUT": 5}}, []),
    ],
)
def test_compose_is_held_to_the_same(service: dict[str, object], findings: list[str]) -> None:
    assert codes(checked({"services": {"worker": {"stop_grace_period": "40s", **service}}})) == findings


@pytest.mark.parametrize(("caught", "findings"), [({"SIGINT"}, ["sigterm-unheard"]), ({"SIGTERM"}, [])])
def test_a_process_that_does_not_handle_sigterm_breaks_the_promise(caught: set[str], findings: list[str]) -> None:
    launched = Launch("process", Where("process 7"), ("python",), caught=frozenset(caught))
    assert codes(checked(process=launched)) == findings


def test_good_manifests_and_a_good_image_together_are_fine() -> None:
    assert codes(checked(GOOD, images=(launch("Dockerfile", 'FROM x\nENTRYPOINT ["lastcall"]'),))) == []
