"""What is found on a real RabbitMQ, by a real `lastcall check`; and that looking changes nothing there."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from consumer.testing.brokers import BrokerHandle
from tests.queues.api import Api

pytestmark = [pytest.mark.broker, pytest.mark.process]

ROOT = Path(__file__).parents[2]
WORKER = """
from consumer import Binding, Queue, Worker
worker, small = Worker(), Worker()
for name in ("safe", "bare", "limited", "deleted", "transient", "stream", "short", "absent"):
    async def handle(order: dict) -> None: ...
    worker.handler(name, name=name, timeout=20)(handle)
worker.handler(Queue("required", declare=False), name="required", timeout=20)(handle)
for each in (worker, small):
    each.handler(Queue("bound", bindings=(Binding("shop", "paid"),)), name="bound", timeout=20)(handle)
small.handler("short", timeout=20)(handle)
"""
TIMEOUT_BY_POLICY = (3, 12)
LIMIT_BY_DEFAULT = (4, 0)
SAFE = {"x-delivery-limit": 1_000_000_000, "x-dead-letter-exchange": ""}
QUEUES: dict[str, dict[str, Any]] = {
    "safe": {"arguments": {"x-queue-type": "quorum", **SAFE}},
    "bare": {"arguments": {"x-queue-type": "quorum"}},
    "limited": {"arguments": {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-dead-letter-exchange": "dlx"}},
    "deleted": {"auto_delete": True},
    "transient": {"durable": False},
    "stream": {"arguments": {"x-queue-type": "stream"}},
    "short": {"arguments": {"x-queue-type": "quorum", **SAFE}},
}


@dataclass
class Stage:
    """Queues of others, and checks of a worker that consumes them."""

    api: Api
    version: tuple[int, ...]
    prefix: str
    url: str
    here: Path

    def check(self, worker: str, user: str | None = None, **environment: str) -> tuple[int, dict[str, Any]]:
        rest = self.url.rpartition("@")[2]
        url = self.url if user is None else f"amqp://{user}:pw@{rest}"
        command = [sys.executable, "-m", "consumer", "check", f"fleet:{worker}", "--json"]
        environment = {"LASTCALL_AMQP_URL": url, "LASTCALL_QUEUE_PREFIX": self.prefix, **environment}
        done = subprocess.run(
            command,
            cwd=self.here,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout)

    def until_policies_are_known(self, queue: str) -> None:
        """Before 4.3 the management API hears of them with its statistics, every 5 seconds, and nothing tells when."""
        if self.version >= (4, 3):
            return
        path = ("queues", self.api.vhost, self.prefix + queue)
        unknown = retry_if_result(lambda found: not found.get("effective_policy_definition"))
        Retrying(retry=unknown, wait=wait_fixed(0.2), stop=stop_after_delay(20))(self.api.ask, "GET", *path)

    def queues(self) -> dict[str, Any]:
        found = self.api.ask("GET", "queues", self.api.vhost)
        return {each["name"]: each.get("arguments") for each in found if each["name"].startswith(self.prefix)}


@pytest.fixture(scope="module")
def stage(lastcall_broker: BrokerHandle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    here = tmp_path_factory.mktemp("fleet")
    (here / "fleet.py").write_text(WORKER)
    api, prefix = Api(lastcall_broker), f"t-{secrets.token_hex(4)}."
    try:
        version = api.ask("GET", "overview")["rabbitmq_version"]
    except (OSError, HTTPException, AssertionError) as error:
        pytest.skip(f"this broker's management API is not at {api.netloc}: {error}")
    for name, body in QUEUES.items():
        with suppress(AssertionError) if name == "transient" else nullcontext():  # RabbitMQ may deny such queues
            api.ask("PUT", "queues", api.vhost, prefix + name, **{"durable": True, **body})
    body = {"properties": {}, "routing_key": f"{prefix}safe", "payload": "x", "payload_encoding": "string"}
    api.ask("POST", "exchanges", api.vhost, "amq.default", "publish", **body)
    stage = Stage(api, tuple(map(int, version.split(".")[:2])), prefix, lastcall_broker.url, here)
    timeout = {"consumer-timeout": 20_000} if stage.version >= TIMEOUT_BY_POLICY else {}
    short = {"pattern": f"^{prefix}short$", "definition": {"delivery-limit": 7, **timeout}}
    api.ask("PUT", "policies", api.vhost, prefix, **short)
    yield stage
    api.ask("DELETE", "policies", api.vhost, prefix)
    for name in QUEUES:
        with suppress(AssertionError):
            api.ask("DELETE", "queues", api.vhost, prefix + name)


@pytest.fixture
def user(stage: Stage) -> Iterator[str]:
    """One who may do nothing yet: the test says what."""
    name = f"t-{secrets.token_hex(4)}"
    stage.api.ask("PUT", "users", name, password="pw", tags="")
    yield name
    stage.api.ask("DELETE", "users", name)


@pytest.fixture(scope="module")
def report(stage: Stage) -> dict[str, Any]:
    """The check by a user who may everything, without the management API."""
    before = stage.queues()
    code, report = stage.check("worker")
    assert code == 1
    assert stage.queues() == before
    return report


def found(report: dict[str, Any], queue: str) -> list[str]:
    named = [each for each in report["findings"] if each["where"]["field"] == f"queue {queue}"]
    return [each["code"] for each in named]


@pytest.mark.parametrize(
    ("queue", "codes"),
    [
        ("safe", []),
        ("bare", ["delivery-limit-drops"]),
        ("limited", ["delivery-limit-dead-letters"]),
        ("deleted", ["queue-auto-delete"]),
        ("transient", ["queue-not-durable"]),
        ("stream", ["queue-is-a-stream"]),
        ("absent", []),
        ("bound", []),
        ("required", ["queue-missing"]),
    ],
)
def test_a_queue_that_loses_messages_is_found(
    stage: Stage, report: dict[str, Any], queue: str, codes: list[str]
) -> None:
    if queue == "transient" and stage.prefix + queue not in stage.queues():
        pytest.skip("this RabbitMQ denies queues that are not durable")
    if queue == "bare" and stage.version < LIMIT_BY_DEFAULT:
        codes = []
    assert found(report, stage.prefix + queue) == codes


def test_a_user_who_may_everything_lacks_nothing(report: dict[str, Any]) -> None:
    assert not [each for each in report["findings"] if each["code"].startswith("permission")]


def test_without_the_management_api_policies_are_said_to_be_unknown(stage: Stage, report: dict[str, Any]) -> None:
    assert f"the policies of queue '{stage.prefix}safe'" in [each["what"] for each in report["unchecked"]]


def test_no_password_is_shown(stage: Stage, report: dict[str, Any]) -> None:
    assert "guest:guest" not in json.dumps(report)
    assert all("***" in each["where"]["source"] for each in report["findings"] if each["where"]["source"])


def denied(report: dict[str, Any]) -> set[str]:
    named = [each for each in report["findings"] if each["code"].startswith("permission")]
    return {each["what"].split(" needs ")[1].split(",")[0] for each in named}


def test_permissions_that_are_missing_are_found(stage: Stage, user: str) -> None:
    stage.api.ask("PUT", "permissions", stage.api.vhost, user, configure="^$", write="^$", read="^$")
    before = stage.queues()
    code, report = stage.check("small", user)
    bound, short = f"{stage.prefix}bound", f"{stage.prefix}short"
    assert code == 1
    seen_from_afar = {f"configure on '{short}'"}  # from 4.3 on this user may not even know that the queue is there
    assert denied(report) - seen_from_afar == {
        f"configure on '{bound}'",
        f"configure on '{bound}.parked'",
        f"configure on '{bound}.retry.1s'",
        f"configure on '{stage.prefix}shop'",
        f"configure on '{short}.parked'",
        f"configure on '{short}.retry.1s'",
        f"read on '{bound}'",
        f"read on '{short}'",
        f"read on '{stage.prefix}shop'",
        f"write on '{bound}'",
        "write on 'amq.default'",
    }
    assert any(each["what"].endswith(f"of queue '{short}'") for each in report["unchecked"])
    assert stage.queues() == before


def test_the_management_api_tells_of_policies(stage: Stage) -> None:
    stage.until_policies_are_known("short")
    code, report = stage.check("small", LASTCALL_MANAGEMENT_URL=stage.api.url)
    told = [each["what"] for each in report["findings"] if each["code"] == "consumer-timeout"]
    assert found(report, f"{stage.prefix}short") == ["delivery-limit-dead-letters"]
    if stage.version < TIMEOUT_BY_POLICY:
        assert (code, told) == (0, [])
    else:
        assert code == 1
        assert "consumer_timeout is 20 s" in told[0]


def test_a_management_api_that_is_away_is_said_to_be(stage: Stage) -> None:
    _, report = stage.check("small", LASTCALL_MANAGEMENT_URL="http://u:secret@127.0.0.1:9")
    assert any("the management API can't be asked" in each["why"] for each in report["unchecked"])
    assert "secret" not in json.dumps(report)


def test_messages_stay_where_they_are(stage: Stage, report: dict[str, Any]) -> None:
    taken = {"count": 5, "ackmode": "ack_requeue_false", "encoding": "auto"}
    [message] = stage.api.ask("POST", "queues", stage.api.vhost, f"{stage.prefix}safe", "get", **taken)
    assert message["redelivered"] is False
