"""What the Docker engine that a node runs on tells of signals and exits: to the nanosecond, unlike Kubernetes.

May know: `docker events`, the labels that a kubelet gives its containers. May not know: what a test promises.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.deploy.engine import run


@asynccontextmanager
async def signal_to_exit(namespace: str) -> AsyncIterator[list[float]]:
    """Seconds from SIGTERM to exit of each worker of the namespace that ends in the block: filled in at its end."""
    since, seconds = time.time(), list[float]()
    yield seconds
    window = [f"--since={since:.3f}", f"--until={time.time():.3f}"]
    ours = [
        f"--filter=label=io.kubernetes.pod.namespace={namespace}",
        "--filter=label=io.kubernetes.container.name=worker",
    ]
    told = [json.loads(line) for line in run("docker", "events", *window, *ours, "--format={{json .}}").splitlines()]
    signalled = {
        e["id"]: e["timeNano"] for e in told if (e["Action"], e["Actor"]["Attributes"].get("signal")) == ("kill", "15")
    }
    seconds += [
        (e["timeNano"] - signalled[e["id"]]) / 1e9 for e in told if e["Action"] == "die" and e["id"] in signalled
    ]
