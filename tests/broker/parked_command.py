"""`lastcall parked` in processes of its own, and parked messages on a real RabbitMQ for it to work on.

May know: the package's publisher, queue tools. May not know: what is promised. Only queue depths are polled: AMQP tells
nobody when they change.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer.core.delivery import Message, Properties
from consumer.core.outcome import Parked
from consumer.core.parking import parked_copy
from consumer.core.queue import Queue
from tests.broker.live import PATIENCE, Live
from tests.transports import clean_environment

TICK = 0.05
ROOT = Path(__file__).parents[2]
MAIN = "import sys; from consumer.cli.entry import main; main()"

KILLED_AT_THE_ACK = f"""
import os, signal
from consumer.broker.amqp.lease import AmqpLease
ack, acks = AmqpLease.ack, []
def ack_or_die(self, tag, *, multiple):
    acks.append(tag)
    if len(acks) == int(os.environ["DIE_AT"]):
        os.kill(os.getpid(), signal.SIGKILL)
    ack(self, tag, multiple=multiple)
AmqpLease.ack = ack_or_die
{MAIN}
"""


@dataclass
class Done:
    """What a command that has ended has said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def ids(self) -> list[str]:
        return [line["message_id"] for line in self.lines]


class Commands:
    """Runs the command against the test's broker and queues."""

    def __init__(self, live: Live, prefix: str, directory: Path) -> None:
        self._environment = {**clean_environment(), "LASTCALL_AMQP_URL": live.url, "LASTCALL_QUEUE_PREFIX": prefix}
        self._environment["PYTHONPATH"] = str(ROOT)
        self._directory = directory
        self._live = live
        self._started: list[Process] = []

    async def start(self, *arguments: str, code: str = MAIN, stdin: int | None = None, **env: str) -> Process:
        """Start it; without a terminal to be asked on, unless one is given."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, "parked", *arguments),
            cwd=self._directory,
            env={**self._environment, **env},
            stdin=asyncio.subprocess.DEVNULL if stdin is None else stdin,
            stdout=PIPE,
            stderr=PIPE,
        )
        self._started.append(process)
        return process

    async def end(self, process: Process) -> Done:
        async with asyncio.timeout(2 * PATIENCE):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    async def run(self, *arguments: str) -> Done:
        return await self.end(await self.start(*arguments))

    async def killed_at_ack(self, number: int, *arguments: str) -> None:
        """Run it until it is about to put this ack in order: the message is confirmed then, and not acked."""
        process = await self.start(*arguments, code=KILLED_AT_THE_ACK, DIE_AT=str(number))
        assert (await self.end(process)).code == -signal.SIGKILL

    async def park(self, *names: str, queue: str = "work", reason: str = "broken", attempts: int = 1) -> None:
        """Messages in the parking queue of `queue`, which is declared with it."""
        connection, publisher = await self._live.broker.connect(), self._live.broker.publisher()
        await connection.prepare(Queue(self._live.name(queue)))
        for name in names:
            message = Message(b'{"id": 1}', self._live.name(queue), properties=Properties(name, {"tenant": "a"}))
            outcome = Parked(reason, ValueError(reason))
            at = "2024-05-06T07:08:09+00:00"
            await publisher.publish(parked_copy(message, self._live.name(f"{queue}.parked"), outcome, attempts, at))
        await publisher.close()
        await connection.close()

    async def until(self, at_least: int, *queues: str) -> None:
        """Until so many messages are ready in these queues together."""
        async with asyncio.timeout(PATIENCE):
            while sum([await self._live.depth(queue) or 0 for queue in queues]) < at_least:  # noqa: ASYNC110 - see above
                await asyncio.sleep(TICK)

    async def taken(self, queue: str) -> list[str | None]:
        """The ids of all that is ready in the queue, which is empty then."""
        return [(await self._live.take(queue)).message_id for _ in range(await self._live.depth(queue) or 0)]

    def close(self) -> None:
        for process in self._started:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
