"""A namespace with workers in it, on the Kubernetes that KUBECONFIG names, and a RabbitMQ that its pods reach."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.deploy import engine
from tests.deploy.manifests import kubectl_or_skip
from tests.k8s.cluster import Cluster
from tests.k8s.engine_events import Exits
from tests.k8s.load import Load
from tests.k8s.pods import Pods


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The kubectl of the cluster to test on."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no Kubernetes to test on (make test-k8s starts one where it can)")
    return kubectl_or_skip()


@pytest.fixture(scope="session")
def image(kubectl: str) -> Iterator[str]:
    """The tag of deploy/Dockerfile as it is now, on the engine that the cluster's node uses too."""
    engine.images_or_skip()
    tag = engine.build(f"lastcall-test:{secrets.token_hex(4)}")
    yield tag
    engine.run("docker", "rmi", "--force", tag)


@pytest.fixture(scope="session")
def broker(kubectl: str) -> Iterator[engine.BridgeBroker]:
    """A RabbitMQ on the engine's bridge, where the pods are."""
    engine.images_or_skip()
    with engine.bridge_broker() as running:
        yield running


@pytest.fixture(scope="session")
def namespaces(kubectl: str, image: str, broker: engine.BridgeBroker) -> Iterator[list[str]]:
    """Those that were made: gone before the image and the broker are."""
    made: list[str] = []
    yield made
    if made:
        engine.run(kubectl, "wait", "--for=delete", "--timeout=240s", *(f"namespace/{name}" for name in made))


@pytest.fixture
async def cluster(kubectl: str, namespaces: list[str]) -> AsyncIterator[Cluster]:
    """A namespace of the test's own."""
    namespaces.append(f"lastcall-{secrets.token_hex(4)}")
    async with Cluster.with_namespace(kubectl, namespaces[-1]) as namespace:
        yield namespace


@pytest.fixture
async def pods(cluster: Cluster) -> AsyncIterator[Pods]:
    """The pods in it, change by change."""
    async with Pods.watched(cluster.command) as watched:
        yield watched


@pytest.fixture
async def exits(cluster: Cluster) -> AsyncIterator[Exits]:
    """How their workers end."""
    async with Exits.watched(cluster.namespace) as watched:
        yield watched


@pytest.fixture
async def load(cluster: Cluster, broker: engine.BridgeBroker) -> AsyncIterator[Load]:
    """Jobs for the workers in it, and what became of them."""
    async with Load.on(broker.url, f"{cluster.namespace}.") as jobs:
        yield jobs
