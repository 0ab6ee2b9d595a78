"""The compose file as a user runs it: five workers, scaled down to one and up again while orders come in."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.monitoring.alerts import ALERTS
from tests.deploy import engine
from tests.deploy.engine import ROOT, run

ORDERS = 2000
WITH_EVENTS = 'services: {worker: {environment: {LASTCALL_EVENTS: "-"}}}\n'
LEDGER = """
import json, sqlite3
books = sqlite3.connect("/data/orders.sqlite3")
print(json.dumps(books.execute("SELECT count(*), count(DISTINCT order_id), max(attempts) FROM charges").fetchone()))
"""
SEEN_BY_PROMETHEUS = """
import json, sys, time, urllib.request

def asked(path):
    with urllib.request.urlopen(f"http://prometheus:9090/api/v1/{path}") as answer:
        return json.load(answer)["data"]

def up():
    return sum(target["health"] == "up" for target in asked("targets")["activeTargets"])

deadline = time.monotonic() + 60
while up() != int(sys.argv[1]) and time.monotonic() < deadline:
    time.sleep(0.2)  # it tells nobody when it has looked
print(json.dumps([up(), [rule["name"] for group in asked("rules")["groups"] for rule in group["rules"]]]))
"""

Compose = Callable[..., str]

pytestmark = [pytest.mark.docker, pytest.mark.process]
ROUNDS = 20
"""A broker whose disk is busy (an image was just built) may deliver nothing for longer than the idle timeout."""


@pytest.fixture
def project() -> str:
    return f"lastcall-test-{secrets.token_hex(4)}"


@pytest.fixture
def command(project: str, tmp_path: Path) -> list[str]:
    with_events = tmp_path / "events.yml"
    with_events.write_text(WITH_EVENTS)
    return ["docker", "compose", "-p", project, "-f", "docker-compose.yml", "-f", str(with_events)]


@pytest.fixture
def compose(command: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Compose]:
    engine.images_or_skip("prometheus")
    for port in ("AMQP", "MANAGEMENT", "PROMETHEUS"):
        monkeypatch.setenv(f"LASTCALL_{port}_PORT", "0")  # any free one: nobody asks from this host
    try:
        yield lambda *words: run(*command, *words)
    finally:
        run(*command, "down", "--volumes", "--timeout", "0", "--remove-orphans")


def await_all_at_work(command: list[str], workers: int) -> None:
    """Return when so many workers consume and a handler has finished."""
    with ExitStack() as stack:
        logs = stack.enter_context(
            subprocess.Popen(
                [*command, "logs", "--follow", "--no-log-prefix", "worker"],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(logs.terminate)
        assert logs.stdout is not None
        finished = False
        for line in logs.stdout:
            event = json.loads(line).get("event") if line.startswith("{") else ""
            finished = finished or event == "finished"
            workers -= event == "consuming"
            if finished and workers <= 0:
                return
        pytest.fail("the workers ended before they were at work")


def scaled_to(compose: Compose, workers: int) -> None:
    compose("up", "--detach", "--no-build", "--no-recreate", "--scale", f"worker={workers}")


def messages_left(compose: Compose) -> int:
    listed = compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "list_queues", "messages", "--formatter", "json")
    return sum(queue["messages"] for queue in json.loads(listed))


def test_compose_scale_down_loses_nothing_charges_nobody_twice_and_is_seen_by_prometheus(
    compose: Compose, command: list[str]
) -> None:
    compose("build", "worker")
    compose("up", "--detach", "--no-build", "--wait", "rabbitmq", "prometheus")
    orders = ["run", "examples.orders.worker:worker"]
    compose("run", "--rm", "worker", *orders, "--idle-timeout", "0.5")  # declares the queues
    in_container = ["run", "--rm", "--entrypoint", "python3", "worker"]
    compose(*in_container, "-m", "examples.orders.publish", str(ORDERS))

    scaled_to(compose, 5)
    await_all_at_work(command, 5)
    scaled_to(compose, 1)
    assert messages_left(compose) > 0, "the scale-down came too late to prove anything"
    scaled_to(compose, 5)
    seen = json.loads(compose("exec", "-T", "worker", "python3", "-c", SEEN_BY_PROMETHEUS, "5"))
    assert seen == [5, [alert.name for alert in ALERTS]]
    scaled_to(compose, 2)
    for _ in range(ROUNDS):
        compose("run", "--rm", "worker", *orders, "--idle-timeout", "2")
        if messages_left(compose) == 0:
            break
    compose("stop", "worker")

    assert messages_left(compose) == 0
    assert json.loads(compose(*in_container, "-c", LEDGER)) == [ORDERS, ORDERS, 1]
