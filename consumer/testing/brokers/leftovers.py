"""Containers whose owner was killed: how ours are labelled, and their removal at the next start.

May know: the Docker engine's client, process ids of this host. May not know: what runs in the containers.
"""

import os
import socket
from collections.abc import Callable, Mapping

import docker
from docker.errors import NotFound

_HOST, _PID = "lastcall.owner.host", "lastcall.owner.pid"


def labels() -> dict[str, str]:
    """The labels that say whose a container is: this host's name and this process's id."""
    return {_HOST: socket.gethostname(), _PID: str(os.getpid())}


def remove(engine: docker.DockerClient, say: Callable[[str], None]) -> None:
    """Remove the labelled containers of processes of this host that are no more."""
    ours = {"label": f"{_HOST}={socket.gethostname()}"}
    for container in engine.containers.list(all=True, filters=ours, ignore_removed=True):
        if _owner_lives(container.labels):
            continue
        say(f"removing the container {container.name}, whose owner was killed")
        try:
            container.remove(force=True, v=True)
        except NotFound:
            say(f"the container {container.name} is gone already")


def _owner_lives(labels: Mapping[str, str]) -> bool:
    try:
        os.kill(int(labels[_PID]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process: it lives
        return True
    return True
