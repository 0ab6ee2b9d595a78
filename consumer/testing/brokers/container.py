"""A RabbitMQ in a container of its own, through testcontainers.

May know: testcontainers and the Docker engine's client (the only importer of them), the public image's contract.
May not know: AMQP beyond its greeting, the other providers.
"""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient, get_docker_host
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from consumer.testing.brokers import leftovers
from consumer.testing.brokers.greeting import greet
from consumer.testing.brokers.handle import BrokerHandle, BrokerUnavailable

DEFAULT_IMAGE = "rabbitmq:4-management"
LOCAL_ENGINE = "unix:///var/run/docker.sock"
START_LIMIT = timedelta(seconds=120)
AMQP_PORT, MANAGEMENT_PORT = 5672, 15672

Say = Callable[[str], None]


@contextmanager
def container_broker(say: Say) -> Iterator[BrokerHandle]:
    """Run a container of `LASTCALL_BROKER_IMAGE` for as long as the block lasts.

    Containers whose owner on this host was killed are removed first.

    Args:
        say: Told what is pulled and started.

    Raises:
        BrokerUnavailable: No engine answers, the image can't be had, or the broker did not start; the text ends with
            its last lines.
    """
    image = os.environ.get("LASTCALL_BROKER_IMAGE") or DEFAULT_IMAGE
    with closing(open_engine()) as engine:
        leftovers.remove(engine, say)
        _have(engine, image, say)
        without_reaper = not _is_present(engine, testcontainers_config.ryuk_image)
    password = secrets.token_urlsafe(18)
    container = (
        DockerContainer(image)
        .with_exposed_ports(AMQP_PORT, MANAGEMENT_PORT)
        .with_envs(RABBITMQ_DEFAULT_USER="lastcall", RABBITMQ_DEFAULT_PASS=password)
        .with_kwargs(labels=leftovers.labels())
        .waiting_for(_startup_line())
    )
    say(f"starting a container of {image} (5 to 30 s)")
    try:
        with _reaper_disabled(without_reaper):
            host, port = _start(container)
        yield BrokerHandle(
            f"amqp://lastcall:{password}@{host}:{port}/",
            "container",
            f"container {image} on port {port}",
            int(container.get_exposed_port(MANAGEMENT_PORT)),
        )
    finally:
        container.stop()


def open_engine() -> docker.DockerClient:
    """A client of the Docker engine that the environment or Docker's context names; to be closed by the caller.

    Raises:
        BrokerUnavailable: No engine answers.
    """
    try:
        _knock(get_docker_host() or LOCAL_ENGINE)
        engine = DockerClient().client
        engine.ping()
    except (DockerException, OSError) as error:
        raise BrokerUnavailable(f"no Docker engine answers ({error}): start one, or set DOCKER_HOST") from error
    return engine


def _knock(host: str) -> None:
    # Docker's client leaves its socket open where nobody listens, and a strict test run fails for that.
    scheme, _, path = host.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)


def _have(engine: docker.DockerClient, image: str, say: Say) -> None:
    if _is_present(engine, image):
        return
    say(f"pulling {image} (a minute or more)")
    try:
        engine.images.pull(image)
    except (DockerException, OSError) as error:
        raise BrokerUnavailable(
            f"the image {image} is neither here nor can it be pulled ({error}): build a stand-in with"
            " `deploy/local/broker-image`, or name another image in LASTCALL_BROKER_IMAGE"
        ) from error


def _is_present(engine: docker.DockerClient, image: str) -> bool:
    try:
        engine.images.get(image)
    except ImageNotFound:
        return False
    return True


def _startup_line() -> LogMessageWaitStrategy:
    return LogMessageWaitStrategy("Server startup complete").with_startup_timeout(START_LIMIT).with_poll_interval(0.2)


def _start(container: DockerContainer) -> tuple[str, int]:
    try:
        container.start()
        host, port = container.get_container_host_ip(), container.get_exposed_port(AMQP_PORT)
        host = "127.0.0.1" if host == "localhost" else host
        greet(host, port)
    except (OSError, RuntimeError, DockerException) as error:
        raise BrokerUnavailable(
            f"the container of {container.image} did not start: {str(error).splitlines()[0]}{_last_lines(container)}"
        ) from error
    return host, port


def _last_lines(container: DockerContainer) -> str:
    try:
        said = b"".join(container.get_logs()).decode(errors="replace").splitlines()
    except Exception:  # noqa: BLE001 - the log is a help, its absence must not hide the error that it would explain
        return ""
    return "; its last lines:\n" + "\n".join(said[-20:])


@contextmanager
def _reaper_disabled(disabled: bool) -> Iterator[None]:
    # testcontainers' reaper removes what a killed process leaves; where its image is missing it could only fail to
    # start, and `leftovers` does that work.
    before = testcontainers_config.ryuk_disabled
    testcontainers_config.ryuk_disabled = before or disabled
    try:
        yield
    finally:
        testcontainers_config.ryuk_disabled = before
