"""The Docker engine as a user's shell has it: commands, the image of the worker, a broker on the engine's own bridge.

May know: docker's command line, the project's images. May not know: what a test promises.
"""

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 300  # for one command; the first build fetches the dependencies
BROKER = "rabbitmq:4-management"
BASE = "python:3.13-slim"
AMQP_PORT = 5672


def run(*command: str, stdin: str = "") -> str:
    """A command's output; it must succeed."""
    done = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def inspected(name: str) -> Any:
    """What the engine knows of an image or a container."""
    return json.loads(run("docker", "inspect", name))[0]


def images_or_skip(*more: str) -> None:
    """Make sure of the engine, the broker's image, the Python base and more, or skip with the reason."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "ls"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine answers, or it has no compose")
    for wanted in ([], ["python"], *([each] for each in more)):
        had = subprocess.run(
            ["deploy/local/broker-image", *wanted], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if had.returncode:
            pytest.skip(f"the images can be neither pulled nor built: {had.stderr.strip()}")


def build(tag: str) -> str:
    """Build deploy/Dockerfile under this tag; the tag."""
    run("docker", "build", "--quiet", "--file", "deploy/Dockerfile", "--tag", tag, ".")
    return tag


@dataclass(frozen=True)
class BridgeBroker:
    """A RabbitMQ that containers, pods and this machine reach at one address."""

    container: str
    host: str
    user: str
    password: str

    @property
    def url(self) -> str:
        return f"amqp://{self.user}:{self.password}@{self.host}:{AMQP_PORT}/"


@contextmanager
def bridge_broker() -> Iterator[BridgeBroker]:
    """Run one for as long as the block lasts."""
    name, password = f"lastcall-deploy-{secrets.token_hex(4)}", secrets.token_hex(16)
    login = ["--env", "RABBITMQ_DEFAULT_USER=lastcall", "--env", f"RABBITMQ_DEFAULT_PASS={password}"]
    run("docker", "run", "--detach", "--name", name, *login, BROKER)
    try:
        await_line(name, "Server startup complete")
        host = inspected(name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        yield BridgeBroker(name, host, "lastcall", password)
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def await_line(container: str, text: str) -> None:
    """Return when the container has said this; fail if it ends before."""
    follow = ["docker", "logs", "--follow", container]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as logs:
        assert logs.stdout is not None
        said = []
        for line in logs.stdout:
            said.append(line)
            if text in line:
                logs.terminate()
                return
        pytest.fail(f"{container} ended without saying {text!r}:\n" + "".join(said[-20:]))
