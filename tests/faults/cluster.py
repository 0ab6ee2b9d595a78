"""Three brokers that are one cluster: joined, told who leads a queue, split by the network between them.

May know: nodes, RabbitMQ's tools, iptables. May not know: workers, what a test promises.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from .firewall import MARK
from .node import Network, Node
from .shell import run

TICK = 4
"""Seconds after which nodes that hear nothing of one another take one another for down."""
HOLD = "consumer_disconnected_timeout"
"""How long RabbitMQ 4.3 keeps for a consumer on a node that is down what it had delivered to it (60 s by itself)."""

_BOTH_WAYS = (("INPUT", "--source"), ("OUTPUT", "--destination"))


@dataclass(frozen=True)
class Cluster:
    """The nodes; the first one has made the cluster."""

    nodes: Sequence[Node]

    @classmethod
    def of(cls, image: str, network: Network, count: int = 3) -> "Cluster":
        """Nodes with one cookie and one administrator."""
        environment = {
            "RABBITMQ_ERLANG_COOKIE": secrets.token_hex(16),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel net_ticktime {TICK} -rabbit {HOLD} {1000 * TICK}",
        }
        password = secrets.token_urlsafe(12)
        return cls([Node(image, network, number, password=password, **environment) for number in range(1, count + 1)])

    async def run(self) -> None:
        """Start them all, and join the others to the first."""
        await asyncio.gather(*(node.run() for node in self.nodes))
        for node in self.nodes[1:]:
            await node.ctl("stop_app")
            await node.ctl("join_cluster", f"rabbit@{self.nodes[0].name}")
            await node.ctl("start_app")

    async def move_leader(self, vhost: str, queue: str, to: Node) -> None:
        """Make this node the queue's leader."""
        move = f"{_queue(vhost, queue)}, rabbit_quorum_queue:transfer_leadership(Q, 'rabbit@{to.name}')."
        await self.nodes[0].ctl("eval", move)

    @asynccontextmanager
    async def isolated(self, node: Node) -> AsyncIterator[None]:
        """One node is cut off from the others; clients reach all of them still."""
        rules = [(other, *rule) for other in self.nodes if other is not node for rule in _BOTH_WAYS]
        for other, chain, end in rules:
            await _iptables(node, "--insert", chain, end, other.host)
        try:
            yield
        finally:
            for other, chain, end in rules:
                await _iptables(node, "--delete", chain, end, other.host)

    async def start(self) -> None:
        """Start the nodes that are down; returns when all are up."""
        await asyncio.gather(*(node.start() for node in self.nodes))


def _queue(vhost: str, queue: str) -> str:
    return f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{queue}">>))'


async def _iptables(node: Node, action: str, chain: str, *rule: str) -> None:
    pid = await run("docker", "inspect", "--format", "{{.State.Pid}}", node.name)
    inside = ("nsenter", f"--net=/proc/{pid.strip()}/ns/net", "iptables", "--wait")
    await run(*inside, action, chain, *rule, "-m", "comment", "--comment", MARK, "-j", "DROP")
