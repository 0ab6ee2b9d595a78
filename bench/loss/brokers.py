"""Brokers of our own, in containers whose addresses stay over a restart: one, or a cluster of three.

May know: Docker, RabbitMQ's command line. May not know: workers, messages.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from bench.loss.shell import CommandFailedError, docker
from consumer.testing.brokers import leftovers

NEW, OLD = "rabbitmq:4-management", "rabbitmq:4.0-management"
START_LIMIT = 120.0
"""Seconds that a broker may take until it answers."""


@dataclass(frozen=True, slots=True)
class Node:
    """One broker."""

    name: str
    port: int
    password: str

    @property
    def url(self) -> str:
        """Where it listens, on loopback."""
        return f"amqp://bench:{self.password}@127.0.0.1:{self.port}/"

    async def restart(self) -> None:
        """`docker restart`: SIGTERM, SIGKILL ten seconds later if need be, and a start."""
        await docker("restart", "--time=10", self.name)
        await self.up()

    async def kill(self) -> None:
        """SIGKILL."""
        await docker("kill", self.name)

    async def start(self) -> None:
        """After a kill."""
        await docker("start", self.name)
        await self.up()

    async def up(self) -> None:
        """Returns once it is up, by its own word. Raises TimeoutError."""
        async with asyncio.timeout(START_LIMIT):
            while True:
                with suppress(CommandFailedError):
                    await self.tool("rabbitmqctl", "await_startup", "--timeout", "60")
                    return
                await asyncio.sleep(0.5)  # its Erlang node doesn't answer yet

    async def version(self) -> str:
        """Such as 4.3.6."""
        return await self.tool("rabbitmqctl", "version")

    async def tool(self, *command: str) -> str:
        """Any program in the container."""
        return await docker("exec", "--env=HOME=/var/lib/rabbitmq", "--user=rabbitmq", self.name, *command)


@asynccontextmanager
async def one_broker(image: str) -> AsyncIterator[Node]:
    """A RabbitMQ for as long as the block lasts."""
    node = _fresh("loss-figures")
    try:
        await _create(node, image)
        await node.start()
        yield node
    finally:
        await _remove(node)


@asynccontextmanager
async def cluster(image: str) -> AsyncIterator[list[Node]]:
    """Three nodes that know each other."""
    network = f"loss-figures-{secrets.token_hex(4)}"
    nodes = [_fresh(f"{network}-{number}") for number in (1, 2, 3)]
    nodes = [Node(node.name, node.port, nodes[0].password) for node in nodes]
    try:
        await docker("network", "create", network)
        for node in nodes:
            await _create(node, image, f"--network={network}")
        first, *others = nodes
        await first.start()
        cookie = await first.tool("cat", "/var/lib/rabbitmq/.erlang.cookie")
        await asyncio.gather(*(_join(node, first, cookie) for node in others))
        yield nodes
    finally:
        await asyncio.gather(*(_remove(node) for node in nodes))
        with suppress(CommandFailedError):
            await docker("network", "rm", network)


async def _join(node: Node, first: Node, cookie: str) -> None:
    await docker("start", node.name)
    path = "/var/lib/rabbitmq/.erlang.cookie"
    if await node.tool("sh", "-c", f"cat {path} 2>/dev/null || true") != cookie:
        await node.tool("sh", "-c", f"umask 077; rm -f {path}; printf %s '{cookie}' > {path}; chmod 400 {path}")
        await docker("restart", node.name)
    await node.up()
    await node.tool("rabbitmqctl", "stop_app")
    await node.tool("rabbitmqctl", "join_cluster", f"rabbit@{first.name}")
    await node.tool("rabbitmqctl", "start_app")


def _fresh(name: str) -> Node:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return Node(name if "-figures-" in name else f"{name}-{secrets.token_hex(4)}", port, secrets.token_urlsafe(12))


async def _create(node: Node, image: str, *more: str) -> None:
    await docker(
        "create",
        f"--name={node.name}",
        f"--hostname={node.name}",
        f"--publish=127.0.0.1:{node.port}:5672",
        "--env=RABBITMQ_DEFAULT_USER=bench",
        f"--env=RABBITMQ_DEFAULT_PASS={node.password}",
        *(f"--label={key}={value}" for key, value in leftovers.labels().items()),
        *more,
        image,
    )


async def _remove(node: Node) -> None:
    with suppress(CommandFailedError):  # it was never made
        await docker("rm", "--force", "--volumes", node.name)
