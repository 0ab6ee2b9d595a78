"""Pods that are scaled in, rolled over, evicted and deleted under load lose nothing and run nothing twice."""

import os

import pytest

from tests.deploy.engine import BridgeBroker
from tests.k8s.cluster import WORKERS, Cluster, node_draining
from tests.k8s.engine_events import Exits
from tests.k8s.load import Load
from tests.k8s.pods import Pods

ROUNDS = int(os.environ.get("K8S_ROUNDS", "3"))
MESSAGES = int(os.environ.get("K8S_MESSAGES", "3000"))

pytestmark = [pytest.mark.k8s, pytest.mark.docker]


async def kept(load: Load, pods: Pods, exits: Exits) -> bool:
    """The promise: every message completed, none started twice, every pod gone by itself and clean."""
    print(f"{len(load.published)} published, lost {len(load.lost)}, run twice {len(load.run_twice)}")
    assert load.lost == set()
    assert load.run_twice == set()
    assert await exits.of(pods.gone) == {0}
    assert {pod.restarts for states in pods.seen.values() for pod in states} == {0}
    return True


async def test_scaled_from_five_to_one_and_back_again_and_again(
    cluster: Cluster, pods: Pods, exits: Exits, load: Load, image: str, broker: BridgeBroker
) -> None:
    await cluster.deploy(image, broker.url, replicas=5)
    await pods.until_ready(5)

    async with load.steady(MESSAGES):
        for _ in range(ROUNDS):
            await cluster.scale(1)
            await pods.until_ready(1)
            await cluster.scale(5)
            await pods.until_ready(5)

    await cluster.scale(0)
    await pods.until(lambda: not pods.here)
    assert len(pods.seen) == 5 + 4 * ROUNDS
    assert await kept(load, pods, exits)


async def test_a_rolling_update_replaces_all_and_never_has_fewer_ready(
    cluster: Cluster, pods: Pods, exits: Exits, load: Load, image: str, broker: BridgeBroker
) -> None:
    await cluster.deploy(image, broker.url, replicas=3)
    await pods.until_ready(3)
    before, changes = {*pods.seen}, len(pods.ready_counts)

    async with load.steady():
        await cluster.kubectl("rollout", "restart", WORKERS)
        await cluster.kubectl("rollout", "status", WORKERS)
        await pods.until(lambda: not before & {pod.name for pod in pods.here})
    assert min(pods.ready_counts[changes:]) == 3
    assert await kept(load, pods, exits)


async def test_a_rollout_that_crashes_leaves_the_old_pods_at_work(
    cluster: Cluster, pods: Pods, exits: Exits, load: Load, image: str, broker: BridgeBroker
) -> None:
    await cluster.deploy(image, broker.url, replicas=2)
    await pods.until_ready(2)
    before = {*pods.seen}
    args = "/spec/template/spec/containers/0/args"

    async with load.steady():
        await cluster.patch({"op": "replace", "path": args, "value": ["run", "journal_worker:nothing"]})
        await pods.until(lambda: any(pod.waits_for == "CrashLoopBackOff" for pod in pods.here))
        completed = len(load.completed)
        await load.until(lambda: len(load.completed) > completed)

        assert {pod.name for pod in pods.ready()} == before
        await cluster.kubectl("rollout", "undo", WORKERS)
        await pods.until_ready(2)

    assert (load.lost, load.run_twice) == (set(), set())
    crashed = [name for name, states in pods.seen.items() if any(pod.restarts for pod in states)]
    assert await exits.of(crashed) == {2}  # wrong usage: there is no such worker


async def test_a_node_is_drained_one_worker_at_a_time(
    cluster: Cluster, pods: Pods, exits: Exits, load: Load, image: str, broker: BridgeBroker
) -> None:
    await cluster.deploy(image, broker.url, replicas=3)
    await pods.until_ready(3)
    before = {*pods.seen}

    node = pods.ready()[0].node

    async with load.steady():
        async with node_draining(cluster, node) as drain:
            await drain.refused()  # by the budget: one is out already
            await cluster.kubectl("uncordon", node)  # the only node: what takes their place must find room
            assert await drain.ended() == 0
        await pods.until_ready(3)

    assert not before & {pod.name for pod in pods.here}
    assert await kept(load, pods, exits)
