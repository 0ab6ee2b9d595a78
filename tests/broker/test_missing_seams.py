"""A release of the client without what the fast lane stands on costs speed, and never a start.

Each in an interpreter of its own, in which something is missing from aio-pika or aiormq before ours is imported.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from consumer.testing.brokers import BrokerHandle

PROGRAM = """
import logging, sys
logging.basicConfig(level="WARNING", format="%(message)s")
import aio_pika, aio_pika.abc, aiormq, aiormq.connection
{damage}
from consumer import Settings, Worker

worker = Worker(Settings.load(queue_prefix="{prefix}", log_level="warning"))
bodies = []

@worker.handler("work")
async def work(body: bytes) -> None:
    bodies.append(body)
    if len(bodies) == 2:
        worker.stop()

@worker.observe
def publish(event) -> None:
    if event.name == "consuming":
        import asyncio
        async def both():
            for body in (b"one", b"two"):
                await worker.publish(body, routing_key="{prefix}work")
        publish.task = asyncio.ensure_future(both())

code = worker.run()
print(code, sorted(bodies))
"""

WITHOUT_THE_PARAMETER = """
class Connection(aiormq.Connection):
    def __init__(self, url, *, loop=None, context=None, **create_connection_kwargs):
        super().__init__(url, loop=loop, context=context, **create_connection_kwargs)
aiormq.Connection = Connection
"""
DAMAGE = {
    "no ConnectionParameter": "del aio_pika.abc.ConnectionParameter",
    "no PARAMETERS": "class Connection: pass\nwhole, aio_pika.Connection = aio_pika.Connection, Connection\n"
    "try:\n    import consumer.broker.amqp.seam\nexcept AttributeError:\n    pass\n"
    "else:\n    sys.exit('that should be missed')\nfinally:\n    aio_pika.Connection = whole\n"
    "sys.modules['consumer.broker.amqp.seam'] = None",
    "no TransportFactory": "del aiormq.connection.TransportFactory",
    "no TLSTransportFactory": "del aiormq.connection.TLSTransportFactory",
    "no transport_factory parameter": WITHOUT_THE_PARAMETER,
}


@pytest.mark.broker
@pytest.mark.parametrize("damage", DAMAGE)
def test_the_plain_transport_takes_its_place_and_that_is_said_once(
    damage: str, lastcall_broker: BrokerHandle, queue_prefix: str, tmp_path: Path
) -> None:
    program = PROGRAM.format(damage=DAMAGE[damage], prefix=queue_prefix)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"LASTCALL_AMQP_URL": lastcall_broker.url, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["0 [b'one', b'two']"], done.stderr
    said = [line for line in done.stderr.splitlines() if "has not what the fast lane stands on" in line]
    assert len(said) == 1, done.stderr
