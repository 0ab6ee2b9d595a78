"""A worker imports what it uses: a start is quicker, and an idle pod smaller, for all that it leaves alone."""

import subprocess
import sys

import pytest

PLAIN = """
import sys
from consumer import Worker
from consumer.cli import run
from consumer.connecting import rabbitmq

worker = Worker()

@worker.handler("orders")
async def work(body: bytes) -> None: ...

print(len(worker.handlers))
rabbitmq(worker.settings, "worker")
print(*sys.modules)
"""


@pytest.mark.usefixtures("bare_environment")
def test_a_plain_worker_leaves_alone_what_it_does_not_use() -> None:
    ran = subprocess.run([sys.executable, "-c", PLAIN], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "aio_pika" in loaded
    unused = {
        *("structlog", "rich", "prometheus_client", "opentelemetry", "trio", "redis", "psycopg", "testcontainers"),
        *("consumer.engine.processes", "consumer.hosts.fleet", "consumer.broker.management", "consumer.testing"),
        *("consumer.observe.metrics", "consumer.observe.health_server", "consumer.observe.tracing"),
        *("tenacity", "consumer.engine.once"),
    }
    assert unused & {*loaded} == set()


DRAINED = """
import asyncio, sys
from consumer import Settings, Worker
from consumer.testing.fake import FakeBroker

fake = FakeBroker()
worker = Worker(Settings(), broker=fake)

@worker.handler("orders")
async def work(body: bytes) -> None:
    print(body.decode())
    worker.stop()

async def main() -> None:
    fake.put("orders", b"a", message_id="a")
    await worker.serve()

asyncio.run(main())
print(*sys.modules)
"""


@pytest.mark.usefixtures("bare_environment")
def test_what_trying_again_takes_is_left_alone_until_something_fails() -> None:
    ran = subprocess.run([sys.executable, "-c", DRAINED], capture_output=True, text=True, check=True)
    handled, *loaded = ran.stdout.split()
    assert handled == "a"
    assert "tenacity" not in loaded
