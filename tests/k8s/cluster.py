"""A namespace of a real Kubernetes, and the manifests in it.

May know: kubectl, the overlays. May not know: messages, what a test promises.
"""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import yaml

from tests.deploy.manifests import DELETION_COST, Resource, one, pod_of, with_component
from tests.k8s.api import Api

OVERLAYS = Path(__file__).parent / "overlays"
WORKERS = "deployment/lastcall-orders"
LABEL = "app.kubernetes.io/name=lastcall-orders"


class Cluster:
    """One namespace."""

    def __init__(self, kubectl: str, namespace: str) -> None:
        self.command = (kubectl, "--namespace", namespace)
        self.namespace = namespace

    @classmethod
    @asynccontextmanager
    async def with_namespace(cls, kubectl: str, namespace: str) -> AsyncIterator[Self]:
        """Make the namespace; at the block's end its pods are killed, and it goes when they are gone."""
        cluster = cls(kubectl, namespace)
        await cluster.kubectl("create", "namespace", namespace)
        try:
            yield cluster
        finally:
            await cluster.kubectl("delete", "namespace", namespace, "--wait=false")
            await cluster.kubectl("delete", "pod", "--all", "--grace-period=1", "--ignore-not-found", "--wait=false")

    async def kubectl(self, *words: str, stdin: str = "") -> str:
        """What kubectl says; it must succeed."""
        child = await asyncio.create_subprocess_exec(*self.command, *words, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        out, err = await child.communicate(stdin.encode())
        assert child.returncode == 0, f"kubectl {words}: {err.decode()[-2000:]}"
        return out.decode()

    async def deploy(
        self, image: str, broker_url: str, *, replicas: int, grace: int | None = None, api: Api | None = None
    ) -> None:
        """Apply the manifests and the Secret; the pods may not even be there when this returns.

        `api`: with the component deletion-cost, for an API server that pods reach there.
        """
        secret = ["create", "secret", "generic", "lastcall-amqp", f"--from-literal=url={broker_url}"]
        await self.kubectl(*secret)
        resources = await self._rendered(with_deletion_cost=api is not None)
        one("Deployment", resources)["spec"]["replicas"] = replicas
        pod = pod_of(resources)
        pod["containers"][0] |= {"image": image, "imagePullPolicy": "Never"}
        pod["terminationGracePeriodSeconds"] = grace or pod["terminationGracePeriodSeconds"]
        one("ConfigMap", [each for each in resources if "LASTCALL_HEALTH" in each.get("data", {})])["data"] |= {
            "LASTCALL_QUEUE_PREFIX": f"{self.namespace}."
        }
        if api is not None:
            resources.append(api.named_in(pod))
        await self.kubectl("apply", "--filename", "-", stdin=yaml.safe_dump_all(resources))

    async def scale(self, replicas: int) -> None:
        """As an autoscaler does: to say so, and nothing more."""
        await self.kubectl("scale", WORKERS, f"--replicas={replicas}")

    async def patch(self, *operations: dict[str, Any]) -> None:
        """Change the Deployment by JSON patches; those of its pod template begin a rollout."""
        await self.kubectl("patch", WORKERS, "--type=json", f"--patch={json.dumps(operations)}")

    async def _rendered(self, *, with_deletion_cost: bool) -> list[Resource]:
        has_policy_v1 = "policy/v1" in (await self.kubectl("api-versions")).split()
        overlay = OVERLAYS / ("current" if has_policy_v1 else "before-1.21")
        if not with_deletion_cost:
            return await self._kustomized(overlay)
        with TemporaryDirectory() as directory:
            return await self._kustomized(with_component(Path(directory), overlay, DELETION_COST, self.namespace))

    async def _kustomized(self, path: Path) -> list[Resource]:
        return [each for each in yaml.safe_load_all(await self.kubectl("kustomize", str(path))) if each]


class NodeDrain:
    """`kubectl drain` of the workers on a node."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def refused(self) -> None:
        """Until the Eviction API has refused a pod, since the budget is used up."""
        assert self._child.stdout is not None
        said = []
        async for line in self._child.stdout:
            said.append(line.decode())
            if "disruption budget" in said[-1]:
                return
        raise AssertionError(f"the budget let every pod be evicted at once: {said}")

    async def ended(self) -> int:
        """Its exit code."""
        await self._child.communicate()
        assert self._child.returncode is not None
        return self._child.returncode


@asynccontextmanager
async def node_draining(cluster: Cluster, node: str) -> AsyncIterator[NodeDrain]:
    """Drain it for as long as the block lasts; it takes pods again at the end."""
    drain = [
        "drain",
        node,
        f"--pod-selector={LABEL}",
        "--delete-emptydir-data",
        "--ignore-daemonsets",
        "--timeout=300s",
    ]
    child = await asyncio.create_subprocess_exec(
        *cluster.command, *drain, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield NodeDrain(child)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
        await cluster.kubectl("uncordon", node)
