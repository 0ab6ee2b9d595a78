"""The image runs as nobody in particular, writes nowhere, needs no program but Python and its init, and is small."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.deploy.engine import BASE, BridgeBroker, await_line, inspected, run

LARGEST = 60_000_000
"""Bytes above the Python base."""
LOCKED_DOWN = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/data:uid=10001")
SOURCES = """
import importlib.util, json, pathlib
def compiled(source):
    code = pathlib.Path(importlib.util.cache_from_source(str(source)))
    return code.exists() and code.read_bytes()[4] == 1  # by a hash that nobody looks at, not by time
sources = [*pathlib.Path("/opt/lastcall").rglob("*.py")]
print(json.dumps([len(sources), [str(each) for each in sources if not compiled(each)]]))
"""
REMOVE = """
import os
for place in ("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"):
    for name in os.listdir(place):
        if not name.startswith("python") and not os.path.isdir(place + name):
            os.remove(place + name)
"""
PROGRAMS = "import json, os; print(json.dumps([*os.listdir('/bin'), *os.listdir('/usr/bin'), *os.listdir('/sbin')]))"
ASK = """
import sys, urllib.request
with urllib.request.urlopen(f"http://127.0.0.1:8080{sys.argv[1]}") as answer:
    print(answer.status)
"""

pytestmark = [pytest.mark.docker, pytest.mark.process]


@pytest.fixture
def container(image: str, bridge_broker: BridgeBroker) -> Iterator[str]:
    with consuming(image, bridge_broker) as name:
        yield name


@pytest.fixture
def bare_image(image: str) -> Iterator[str]:
    """The image with no program but Python in it: no shell, no `ls`, nothing."""
    tag = f"{image}-bare"
    step = json.dumps(["python3", "-c", REMOVE])
    run("docker", "build", "--quiet", "--tag", tag, "-", stdin=f"FROM {image}\nUSER 0\nRUN {step}\nUSER 10001:10001\n")
    yield tag
    run("docker", "rmi", tag)


@contextmanager
def consuming(image: str, bridge_broker: BridgeBroker) -> Iterator[str]:
    """A container of it, locked down, for as long as the block lasts."""
    name = f"lastcall-deploy-{secrets.token_hex(4)}"
    settings = ["--env", f"LASTCALL_AMQP_URL={bridge_broker.url}", "--env", "LASTCALL_LOG_LEVEL=info"]
    run("docker", "run", "--detach", "--name", name, *LOCKED_DOWN, *settings, image)
    try:
        await_line(name, '"consuming"')
        yield name
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def test_locked_down_it_consumes_is_ready_and_drains_on_sigterm(container: str) -> None:
    python = ["docker", "exec", container, "python3", "-c"]

    assert [run(*python, ASK, path).strip() for path in ("/readyz", "/livez", "/startupz")] == ["200"] * 3
    run("docker", "stop", "--time", "30", container)  # SIGTERM, since the image says so; SIGKILL would be 137

    assert inspected(container)["State"]["ExitCode"] == 0


def test_without_a_shell_or_any_program_but_python_it_consumes_and_drains(
    bare_image: str, bridge_broker: BridgeBroker
) -> None:
    with consuming(bare_image, bridge_broker) as container:
        programs = json.loads(run("docker", "exec", container, "python3", "-c", PROGRAMS))
        assert {each.rstrip("0123456789.") for each in programs} == {"python"}
        run("docker", "stop", "--time", "30", container)

        assert inspected(container)["State"]["ExitCode"] == 0


def test_it_says_what_an_orchestrator_asks_of_an_image(image: str) -> None:
    config = inspected(image)["Config"]

    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["dumb-init", "--single-child", "--", "lastcall"]
    assert config["StopSignal"] == "SIGTERM"
    assert [*config["ExposedPorts"]] == ["8080/tcp"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_every_source_is_compiled_since_a_read_only_root_lets_no_start_do_it(image: str) -> None:
    count, uncompiled = json.loads(run("docker", "run", "--rm", "--entrypoint", "python3", image, "-c", SOURCES))

    assert count > 500
    assert uncompiled == []


def test_it_is_small(image: str) -> None:
    assert inspected(image)["Size"] - inspected(BASE)["Size"] <= LARGEST
