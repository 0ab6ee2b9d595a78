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
    }
    assert unused & {*loaded} == set()
