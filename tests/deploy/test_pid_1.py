"""dumb-init is PID 1 of the image: each signal reaches the worker once, and it alone; strangers are reaped."""

import os
import pty
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.deploy.engine import BridgeBroker, await_line, run
from tests.deploy.test_image import LOCKED_DOWN

JOBS = Path(__file__).with_name("programs.py")
PUBLISH = """
import asyncio, os, sys
import aio_pika

async def publish():
    async with await aio_pika.connect(os.environ["LASTCALL_AMQP_URL"]) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(sys.argv[1].encode()), "jobs")

asyncio.run(publish())
"""
LET = "open('/data/gate', 'w').close()"
ADOPTED = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
REAPED = """
import pathlib, sys, time
stranger, deadline = pathlib.Path("/proc", sys.argv[1]), time.monotonic() + 30
while stranger.exists() and time.monotonic() < deadline:
    time.sleep(0.02)  # the kernel tells its parent alone
print(stranger.exists())
"""

pytestmark = [pytest.mark.docker, pytest.mark.process]


@contextmanager
def named() -> Iterator[str]:
    """A container's name, and no such container any more at the end."""
    name = f"lastcall-deploy-{secrets.token_hex(4)}"
    try:
        yield name
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def started(name: str, image: str, broker: BridgeBroker, *options: str) -> list[str]:
    """The command that starts the worker of programs.py."""
    settings = {"LASTCALL_AMQP_URL": broker.url, "LASTCALL_LOG_LEVEL": "info", "LASTCALL_LOG_FORMAT": "json"}
    variables = [word for each in settings.items() for word in ("--env", "=".join(each))]
    mounted = ["--volume", f"{JOBS}:/opt/lastcall/app/programs.py:ro"]
    return [
        "docker",
        "run",
        "--name",
        name,
        *LOCKED_DOWN,
        *variables,
        *mounted,
        *options,
        image,
        "run",
        "programs:worker",
    ]


@contextmanager
def working(image: str, broker: BridgeBroker, *options: str) -> Iterator[str]:
    """A container of it that consumes, for as long as the block lasts."""
    with named() as name:
        run(*started(name, image, broker, "--detach", *options))
        await_line(name, '"consuming"')
        yield name


def python(container: str, program: str, *arguments: str) -> str:
    return run("docker", "exec", container, "python3", "-c", program, *arguments)


def exit_code(container: str) -> int:
    return int(run("docker", "wait", container))


def test_strangers_are_reaped_in_a_container(image: str, bridge_broker: BridgeBroker) -> None:
    with working(image, bridge_broker) as container:
        python(container, PUBLISH, "leave a stranger")
        await_line(container, "ends")
        said = re.search(r"stranger (\d+) ends", run("docker", "logs", container))
        assert said is not None

        assert python(container, REAPED, said[1]).strip() == "False"


@pytest.mark.parametrize(
    "options", [[], ["--entrypoint", "lastcall"], ["--init"]], ids=["dumb-init", "the worker itself", "docker --init"]
)
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGHUP"])
def test_a_handlers_program_outlives_the_stop_signal_whoever_is_pid_1(
    image: str, bridge_broker: BridgeBroker, options: list[str], signal: str
) -> None:
    with working(image, bridge_broker, "--env", "LASTCALL_STOP_SIGNALS=SIGHUP", *options) as container:
        python(container, PUBLISH, "wait")
        await_line(container, "program waits")
        run("docker", "kill", "--signal", signal, container)
        await_line(container, '"drain_started"')
        python(container, LET)

        assert exit_code(container) == 0
        assert "program has ended well" in run("docker", "logs", container)


def test_each_signal_reaches_the_worker_once_and_its_exit_code_is_the_containers(
    image: str, bridge_broker: BridgeBroker
) -> None:
    with working(image, bridge_broker) as container:
        python(container, ADOPTED)  # a younger child of PID 1, which is not taken for the worker
        run("docker", "kill", "--signal", "SIGTSTP", container)
        await_line(container, '"quieted"')
        told = run("docker", "exec", container, "lastcall", "resume", "1")
        await_line(container, '"resumed"')
        python(container, PUBLISH, "wait")
        await_line(container, "program waits")
        run("docker", "kill", "--signal", "SIGTERM", container)
        await_line(container, '"drain_started"')
        run("docker", "kill", "--signal", "SIGINT", container)

        assert re.fullmatch(r"told process \d+ to resume \(dumb-init, process 1, runs it\)\n", told)
        assert exit_code(container) == 4


def test_ctrl_c_in_a_terminal_counts_once(image: str, bridge_broker: BridgeBroker) -> None:
    terminal, ours = pty.openpty()
    with named() as container:
        command = started(container, image, bridge_broker, "--interactive", "--tty")
        with subprocess.Popen(command, stdin=ours, stdout=ours, stderr=ours) as client:
            os.close(ours)
            until(terminal, b'"consuming"')
            python(container, PUBLISH, "wait")
            until(terminal, b"program waits")
            os.write(terminal, b"\x03")
            until(terminal, b'"drain_started"')
            python(container, LET)
            said = until(terminal, None)

            assert client.wait() == 0  # a second would be 4, and the program would have got the terminal's
            assert b"program has ended well" in said
    os.close(terminal)


def until(terminal: int, text: bytes | None) -> bytes:
    """What the terminal shows until this is among it; None: until nobody writes any more."""
    shown = b""
    with suppress(OSError):  # that is how its end is told
        while text is None or text not in shown:
            if not (more := os.read(terminal, 4096)):
                break
            shown += more
    assert text is None or text in shown, shown.decode()
    return shown


def test_check_looks_at_the_worker_behind_pid_1(image: str, bridge_broker: BridgeBroker) -> None:
    with working(image, bridge_broker, "--env", "LASTCALL_HELTH=8080") as container:
        asked = ["lastcall", "check", "programs:worker", "--pid", "1", "--no-broker", "--json"]
        said = run("docker", "exec", container, *asked)

    assert re.findall(r'"code": "([^"]+)"', said) == ["unknown-setting"]
    assert re.search(r"process \d+, run by dumb-init, process 1", said)


def test_a_kill_ends_the_container_at_once(image: str, bridge_broker: BridgeBroker) -> None:
    with working(image, bridge_broker) as container:
        run("docker", "kill", container)

        assert exit_code(container) == 137
