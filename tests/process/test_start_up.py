"""A start against a broker that isn't there, or that refuses: bounded, and said with the mend."""

import json
from signal import SIGTERM
from time import monotonic

import pytest
from yarl import URL

from consumer.testing.brokers import BrokerHandle

from .harness import MARGIN, Workers
from .queues import Jobs
from .wires import Wire

pytestmark = [pytest.mark.broker, pytest.mark.process]

PASSWORD = "not-the-password"


async def test_a_broker_that_is_away_is_tried_again_until_the_connect_timeout(workers: Workers, wired_url: str) -> None:
    began = monotonic()
    url = str(URL(wired_url).with_password(PASSWORD))
    worker = await workers.start("--connect-timeout", "1.5", env={"LASTCALL_AMQP_URL": url})
    assert await worker.exit() == 1
    assert worker.gone_at - began < 1.5 + 3.0, "the interpreter's start, and one attempt more"
    attempts = [line for line in map(json.loads, worker.log) if line["event"] == "connecting"]
    assert len(attempts) >= 2
    assert [each["attempt"] for each in attempts] == list(range(1, len(attempts) + 1))
    assert "Is the broker up" in worker.log[-1]
    assert PASSWORD not in "".join([*worker.log, *worker.output])


async def test_a_broker_that_comes_up_later_is_consumed_from(
    workers: Workers, jobs: Jobs, wire: Wire, wired_url: str
) -> None:
    await jobs.publish(1, "return")
    worker = await workers.start("--max-messages", "1", env={"LASTCALL_AMQP_URL": wired_url})
    await worker.until("connecting")
    await wire.connect()
    assert await worker.exit() == 0
    assert len(worker.named("settled")) == 1


async def test_a_signal_while_the_broker_is_away_ends_the_worker_at_once(workers: Workers, wired_url: str) -> None:
    worker = await workers.start(env={"LASTCALL_AMQP_URL": wired_url})
    await worker.until("connecting", 2)
    signalled = worker.signal(SIGTERM)
    assert await worker.exit() == 0
    assert worker.gone_at - signalled < MARGIN
    assert not [line for line in worker.log if "Traceback" in line]


async def test_a_signal_while_a_broker_accepts_and_says_nothing_ends_the_worker_at_once(
    workers: Workers, wire: Wire, wired_url: str
) -> None:
    wire.freeze()
    await wire.connect()
    worker = await workers.start(env={"LASTCALL_AMQP_URL": wired_url})
    await wire.dialled.wait()
    signalled = worker.signal(SIGTERM)
    assert await worker.exit() == 0
    assert worker.gone_at - signalled < MARGIN
    assert not [line for line in worker.log if "Traceback" in line]


@pytest.mark.parametrize(
    ("password", "vhost", "mend"),
    [
        pytest.param(PASSWORD, None, "Check LASTCALL_AMQP_URL", id="a wrong password"),
        pytest.param(None, "/no-such-vhost", "add_vhost", id="a missing vhost"),
    ],
)
async def test_a_refusal_is_not_retried_and_names_its_mend(
    workers: Workers, lastcall_broker: BrokerHandle, password: str | None, vhost: str | None, mend: str
) -> None:
    url = URL(lastcall_broker.url)
    url = url.with_password(password or url.password).with_path(vhost or url.path)
    worker = await workers.start(env={"LASTCALL_AMQP_URL": str(url)})
    assert await worker.exit() == 1
    assert not worker.named("connecting")
    assert mend in worker.log[-1]
    assert f":{url.password}@" not in "".join([*worker.log, *worker.output])


async def test_when_the_first_address_is_dead_the_second_is_used(
    workers: Workers, jobs: Jobs, lastcall_broker: BrokerHandle, wired_url: str
) -> None:
    await jobs.publish(1, "return")
    both = f"{wired_url},{lastcall_broker.url}"
    worker = await workers.start("--max-messages", "1", env={"LASTCALL_AMQP_URL": both})
    assert await worker.exit() == 0
    assert len(worker.named("settled")) == 1
    [connected] = worker.named("connected")
    assert connected["address"].endswith(f":{URL(lastcall_broker.url).port}/")
