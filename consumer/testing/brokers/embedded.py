"""The machine's rabbitmq-server as a private child process: its own node, ports, directory, cookie, user and epmd.

May know: where RabbitMQ's programs lie, its environment and configuration, systemd's "ready" message, the guard.
May not know: AMQP, a system broker (nothing of one is read, written or asked).
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from consumer.testing.brokers import guard
from consumer.testing.brokers.handle import BrokerHandle, BrokerUnavailable

# The programs themselves: Debian's /usr/sbin/rabbitmq-server insists on the user `rabbitmq` and on its directories.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 90.0


@contextmanager
def embedded_broker(say: Callable[[str], None]) -> Iterator[BrokerHandle]:
    """Run the machine's rabbitmq-server on loopback for as long as the block lasts.

    Args:
        say: told what is started.

    Raises:
        BrokerUnavailable: The programs are missing, or the broker did not start; the text ends with its last lines.
    """
    epmd = shutil.which("epmd")
    if not SERVER.exists() or epmd is None:
        raise BrokerUnavailable(
            f"rabbitmq-server is not installed ({SERVER}): install it with `sudo deploy/local/rabbitmq-server`"
            " or your package manager, or set AMQP_URL"
        )
    say("starting this machine's rabbitmq-server as a private child process (5 to 20 s)")
    directory = Path(tempfile.mkdtemp(prefix="lastcall-broker-"))
    amqp, distribution, epmd_port = _free_ports(3)
    password = secrets.token_urlsafe(18)
    _write_configuration(directory, amqp, password)
    with (
        _ready_socket(directory) as ready,
        _guarded(directory, epmd, _environment(directory, distribution, epmd_port)),
    ):
        _await_ready(ready, directory / "broker.log")
        url = f"amqp://lastcall:{password}@127.0.0.1:{amqp}/"
        yield BrokerHandle(url, "embedded", f"this machine's rabbitmq-server on port {amqp}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def _write_configuration(directory: Path, amqp: int, password: str) -> None:
    (directory / "enabled_plugins").write_text("[].\n")
    (directory / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{amqp}\n"
        "default_user = lastcall\n"
        f"default_pass = {password}\n"
        "log.console = true\n"
        "log.file = false\n"
    )


def _environment(directory: Path, distribution: int, epmd_port: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(directory),  # the cookie goes there
        "NOTIFY_SOCKET": str(directory / "ready"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_FLAGS": "-start_epmd false",  # the guard runs the one epmd; a daemon would outlive us
        "RABBITMQ_NODENAME": f"lastcall-{secrets.token_hex(4)}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
    }


@contextmanager
def _ready_socket(directory: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(str(directory / "ready"))
        yield ready


@contextmanager
def _guarded(directory: Path, epmd: str, environment: Mapping[str, str]) -> Iterator[None]:
    command = [sys.executable, "-I", guard.__file__, str(directory), epmd, str(SERVER)]
    try:
        with (
            (directory / "broker.log").open("wb") as log,
            subprocess.Popen(  # noqa: S603 - the programs named above, no shell
                command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            ),
        ):  # on leaving, the pipe is closed, which tells the guard to end the broker, and the guard is waited for
            yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _await_ready(ready: socket.socket, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    heard, why = b"", "ended"
    while b"READY=1" not in heard:
        ready.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            heard = ready.recv(4096)
        except TimeoutError:
            heard, why = b"ENDED=1", f"was not ready within {START_SECONDS:.0f} s"
        if heard == b"ENDED=1":
            last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise BrokerUnavailable(f"this machine's rabbitmq-server {why}; its last lines:\n{last}")
