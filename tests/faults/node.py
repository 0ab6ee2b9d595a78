"""One RabbitMQ in a container of the suite's own, at an address that it keeps over restarts, and all that befalls it.

May know: Docker's command line, RabbitMQ's tools. May not know: workers, queues, what a test promises.
"""

import secrets
from contextlib import suppress

from yarl import URL

from consumer.testing.brokers import leftovers

from .admin import Admin
from .shell import run, until_said

ADMIN = "admin"
UP = "Server startup complete"


class Network:
    """A bridge of Docker's on which addresses can be chosen: `docker start` gives a container the one it had."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._prefix = ""

    async def make(self) -> None:
        """Docker chooses a subnet that is free; it must be named again to let us choose addresses in it."""
        labels = [f"--label={key}={value}" for key, value in leftovers.labels().items()]
        await run("docker", "network", "create", self.name)
        subnet = await run("docker", "network", "inspect", self.name, "--format", "{{(index .IPAM.Config 0).Subnet}}")
        await run("docker", "network", "rm", self.name)
        await run("docker", "network", "create", *labels, f"--subnet={subnet.strip()}", self.name)
        self._prefix = subnet.rsplit(".", 1)[0]

    def address(self, number: int) -> str:
        """The address of the container with this number, from 1."""
        return f"{self._prefix}.{10 + number}"

    async def remove(self) -> None:
        """Its containers must be gone."""
        with suppress(AssertionError):  # it was never made
            await run("docker", "network", "rm", self.name)


class Node:
    """A broker that can be paused, killed, stopped, started and talked to by its operator."""

    def __init__(
        self, image: str, network: Network, number: int = 1, *, password: str | None = None, **environment: str
    ) -> None:
        self.name = f"{network.name}-{number}"
        self.password = password or secrets.token_urlsafe(12)
        self._image = image
        self._network = network
        self._number = number
        self._environment = environment

    @property
    def host(self) -> str:
        return self._network.address(self._number)

    @property
    def admin(self) -> Admin:
        """The management API, as the operator uses it."""
        return Admin(f"http://{self.host}:15672", ADMIN, self.password)

    def url(self, user: str = ADMIN, password: str | None = None, vhost: str = "/") -> str:
        """The address for this user in this virtual host."""
        secret = self.password if password is None else password
        url = URL.build(scheme="amqp", user=user, password=secret, host=self.host, port=5672)
        return str(url / vhost if vhost != "/" else url.with_path("/"))

    async def run(self) -> None:
        """Make the container, and wait until the broker is up."""
        environment = {"RABBITMQ_DEFAULT_USER": ADMIN, "RABBITMQ_DEFAULT_PASS": self.password, **self._environment}
        await run(
            *("docker", "run", "--detach", f"--name={self.name}", f"--hostname={self.name}"),
            *(f"--label={key}={value}" for key, value in leftovers.labels().items()),
            *(f"--network={self._network.name}", f"--ip={self.host}"),
            *(f"--env={key}={value}" for key, value in environment.items()),
            self._image,
        )
        await until_said(UP, "docker", "logs", "--follow", self.name)

    async def ctl(self, *arguments: str) -> str:
        """`rabbitmqctl` in the container."""
        return await self.tool("rabbitmqctl", *arguments)

    async def tool(self, *command: str) -> str:
        """Any program in the container."""
        return await run("docker", "exec", self.name, *command)

    async def pause(self) -> None:
        """Every process of it stands still; its sockets stay."""
        await run("docker", "pause", self.name)

    async def unpause(self) -> None:
        await run("docker", "unpause", self.name)

    async def kill(self) -> None:
        """SIGKILL: it says nothing to anyone."""
        await run("docker", "kill", self.name)

    async def stop(self) -> None:
        """SIGTERM: it closes its connections, and ends."""
        await run("docker", "stop", "--time=30", self.name)

    async def start(self) -> None:
        """After `kill` or `stop`; returns when the broker is up."""
        await run("docker", "start", self.name)
        await self.until_up()

    async def restart(self) -> None:
        """`docker restart`; the broker is not up yet when this returns."""
        await run("docker", "restart", "--time=30", self.name)

    async def log(self, since: str) -> str:
        """What the broker has said since then (see `now`)."""
        return await run("docker", "logs", f"--since={since}", self.name)

    async def remove(self) -> None:
        """The container and its data, in whatever state it is."""
        with suppress(AssertionError):  # it was never made
            await run("docker", "rm", "--force", "--volumes", self.name)

    async def until_up(self) -> None:
        """Until the broker is up that was started last."""
        started = await run("docker", "inspect", "--format", "{{.State.StartedAt}}", self.name)
        await until_said(UP, "docker", "logs", "--follow", f"--since={started.strip()}", self.name)
