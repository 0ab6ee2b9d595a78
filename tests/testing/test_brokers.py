"""Each provider gives a broker that greets and is gone afterwards, also when its owner is killed."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from consumer.testing.brokers import BrokerHandle, BrokerUnavailable, provide
from consumer.testing.brokers.container import open_engine
from consumer.testing.brokers.embedded import SERVER
from consumer.testing.brokers.greeting import greet

GONE_SECONDS = 15
HOLDER = """
import sys
from consumer.testing.brokers import provide
with provide() as broker:
    print(broker.url, flush=True)
    sys.stdin.read()
"""
NO_ENGINE = "unix:///nowhere/docker.sock"

needs_server = pytest.mark.skipif(not SERVER.exists(), reason=f"this machine has no {SERVER}")


@pytest.fixture
def needs_engine() -> None:
    try:
        open_engine().close()
    except BrokerUnavailable as unavailable:
        pytest.skip(str(unavailable))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AMQP_URL", "LASTCALL_AMQP_URL", "LASTCALL_BROKER"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def temporary(environment: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:  # a short path: a UNIX socket is put below it
        environment.setenv("TMPDIR", directory)
        environment.setattr(tempfile, "tempdir", None)
        yield Path(directory)


def answers(broker: BrokerHandle) -> bool:
    address = urlsplit(broker.url)
    try:
        greet(address.hostname or "", address.port or 0)
    except OSError:
        return False
    return True


def descendants(pid: int) -> list[int]:
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return children + [below for child in children for below in descendants(child)]


def ended_in_time(watched: list[int]) -> bool:
    waiting = set(watched)
    while waiting:
        ended, _, _ = select.select(waiting, [], [], GONE_SECONDS)
        if not ended:
            return False
        waiting -= set(ended)
    return True


@needs_server
@pytest.mark.process
def test_the_embedded_broker_greets_and_leaves_nothing_behind(environment: pytest.MonkeyPatch, temporary: Path) -> None:
    environment.setenv("LASTCALL_BROKER", "embedded")
    others = descendants(os.getpid())  # the suite's own broker may be an embedded one too
    with provide() as broker:
        assert broker.kind == "embedded"
        assert answers(broker)
        watched = [os.pidfd_open(pid) for pid in descendants(os.getpid()) if pid not in others]
    assert len(watched) >= 3, "the guard, epmd and the broker"
    try:
        assert not answers(broker)
        assert ended_in_time(watched)
        assert not list(temporary.iterdir())
    finally:
        for pidfd in watched:
            os.close(pidfd)


@needs_server
@pytest.mark.process
def test_killing_the_owner_of_an_embedded_broker_leaves_no_process_and_no_directory(
    environment: pytest.MonkeyPatch, temporary: Path
) -> None:
    environment.setenv("LASTCALL_BROKER", "embedded")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        broker = BrokerHandle(owner.stdout.readline().strip(), "embedded", "")
        assert answers(broker)
        watched = [os.pidfd_open(pid) for pid in descendants(owner.pid)]
        owner.send_signal(signal.SIGKILL)
    try:
        assert len(watched) >= 3, "the guard, epmd and the broker"
        assert ended_in_time(watched)
        assert not list(temporary.iterdir())
        assert not answers(broker)
    finally:
        for pidfd in watched:
            os.close(pidfd)


@needs_server
def test_an_embedded_broker_that_does_not_start_is_told_with_its_last_lines(
    environment: pytest.MonkeyPatch, temporary: Path
) -> None:
    server = temporary / "rabbitmq-server"
    server.write_text("#!/bin/sh\necho the disk is full\nexit 3\n")
    server.chmod(0o755)
    environment.setattr("consumer.testing.brokers.embedded.SERVER", server)
    environment.setenv("LASTCALL_BROKER", "embedded")
    with pytest.raises(BrokerUnavailable, match="the disk is full"), provide():
        pass
    assert list(temporary.iterdir()) == [server]


@pytest.mark.docker
@pytest.mark.usefixtures("needs_engine")
def test_the_container_greets_and_is_removed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LASTCALL_BROKER", "container")
    with provide() as broker:
        assert broker.kind == "container"
        assert answers(broker)
    assert not answers(broker)


@pytest.mark.docker
@pytest.mark.usefixtures("needs_engine")
def test_a_container_whose_owner_was_killed_is_removed_at_the_next_start(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LASTCALL_BROKER", "container")
    environment.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        orphan = BrokerHandle(owner.stdout.readline().strip(), "container", "")
        owner.send_signal(signal.SIGKILL)
    assert answers(orphan)
    with provide():
        assert not answers(orphan)


def test_a_given_broker_is_used_as_it_is_and_its_password_is_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AMQP_URL", "amqp://me:s3cret@broker.test/orders")
    said: list[str] = []
    with provide(said.append) as broker:
        assert broker.url == "amqp://me:s3cret@broker.test/orders"
        assert broker.kind == "given"
    assert "s3cret" not in repr(broker) + broker.description + "".join(said)


@pytest.mark.parametrize(
    ("kind", "mend"),
    [
        ("given", "set it to amqp://"),
        ("container", "start one, or set DOCKER_HOST"),
        ("embedded", "deploy/local/rabbitmq-server"),
        ("kubernetes", "given, container, embedded"),
    ],
)
def test_a_forced_broker_that_cannot_be_had_is_told_with_its_mend(
    kind: str, mend: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("LASTCALL_BROKER", kind)
    environment.setenv("DOCKER_HOST", NO_ENGINE)
    environment.setattr("consumer.testing.brokers.embedded.SERVER", Path("/nowhere/rabbitmq-server"))
    with pytest.raises(BrokerUnavailable, match=mend), provide():
        pass


@needs_server
@pytest.mark.process
def test_without_an_engine_the_embedded_broker_is_the_default(environment: pytest.MonkeyPatch, temporary: Path) -> None:
    environment.setenv("DOCKER_HOST", NO_ENGINE)
    said: list[str] = []
    with provide(said.append) as broker:
        assert broker.kind == "embedded"
    assert said[0].startswith("no container broker: no Docker engine answers")
    assert not list(temporary.iterdir())


def test_what_is_no_broker_is_not_taken_for_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            with listener.accept()[0] as connection:
                connection.recv(8)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n")

        peer = threading.Thread(target=answer)
        peer.start()
        with pytest.raises(ConnectionError, match="did not greet as an AMQP"):
            greet("127.0.0.1", port)
        peer.join()
