"""A busy pod tells Kubernetes that it is one, through the real API and by its own token; and a scale-in spares it."""

from collections.abc import AsyncIterator

import pytest

from tests.deploy.engine import BridgeBroker
from tests.k8s.api import Api, reachable
from tests.k8s.cluster import Cluster
from tests.k8s.load import Load
from tests.k8s.pods import Pods

BUSY = 45.0
"""Seconds of a handler: longer than a worker takes to tell of it."""
KNOWS_THE_COST = "autoscaling/v2"
"""Of 1.23; ReplicaSets know the annotation since 1.22. (A server's version is whatever its builder has put there.)"""

pytestmark = [pytest.mark.k8s, pytest.mark.docker]


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    async with reachable(cluster.kubectl) as found:
        yield found


async def one_of_the_younger_is_busy(cluster: Cluster, pods: Pods, load: Load) -> str:
    """Scale from one to three, and let one that is not the oldest start a long job; its name, once all have told."""
    await pods.until_ready(1)
    [oldest] = pods.ready()
    await cluster.scale(3)
    await pods.until_ready(3)
    taken_by = ""
    while taken_by != oldest.name:  # consumers take turns: the next one is another
        short = await load.publish(seconds=0)
        await load.until(lambda short=short: load.completed[short] == 1)  # type: ignore[misc]
        taken_by = load.pods[short]
    long = await load.publish(seconds=BUSY)
    await load.until(lambda: load.started[long] == 1)
    busy = load.pods[long]
    assert busy != oldest.name
    await pods.until(
        lambda: {pod.name: pod.deletion_cost for pod in pods.here} == {pod.name: "0" for pod in pods.here} | {busy: "1"}
    )
    return busy


async def test_a_busy_pod_costs_more_than_idle_ones_and_an_idle_one_again_no_more(
    cluster: Cluster, pods: Pods, load: Load, image: str, broker: BridgeBroker, api: Api
) -> None:
    await cluster.deploy(image, broker.url, replicas=1, api=api)
    busy = await one_of_the_younger_is_busy(cluster, pods, load)

    await load.until(lambda: not load.lost)
    await pods.until(lambda: pods.seen[busy][-1].deletion_cost == "0")
    assert load.run_twice == set()


async def test_a_scale_in_from_three_to_one_spares_the_busy_pod(
    cluster: Cluster, pods: Pods, load: Load, image: str, broker: BridgeBroker, api: Api
) -> None:
    if KNOWS_THE_COST not in (await cluster.kubectl("api-versions")).split():
        pytest.skip(f"this server is older than {KNOWS_THE_COST}: its ReplicaSets do not know the deletion cost")
    await cluster.deploy(image, broker.url, replicas=1, api=api)
    busy = await one_of_the_younger_is_busy(cluster, pods, load)

    await cluster.scale(1)
    await pods.until_ready(1)
    assert [pod.name for pod in pods.ready()] == [busy]
    await load.until(lambda: not load.lost)
    assert load.run_twice == set()
