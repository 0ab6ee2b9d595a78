"""One pod stops: what the kubelet sees meanwhile, what SIGKILL leaves behind, and how quickly an idle one is gone."""

import statistics

import pytest

from tests.deploy.engine import BridgeBroker
from tests.k8s.cluster import Cluster
from tests.k8s.engine_events import Exits
from tests.k8s.load import Load
from tests.k8s.pods import Pods

BUSY = 6.0
"""Seconds of a handler: several looks of probes that look every second."""
DELETIONS = 5

pytestmark = [pytest.mark.k8s, pytest.mark.docker]


async def test_a_draining_pod_is_unready_and_alive_until_its_handler_has_finished(
    cluster: Cluster, pods: Pods, exits: Exits, load: Load, image: str, broker: BridgeBroker
) -> None:
    await cluster.deploy(image, broker.url, replicas=1)
    await pods.until_ready(1)
    [name] = pods.seen

    await load.publish(seconds=BUSY, stop=True)  # the pod is not deleted, so that every probe goes on
    await pods.until(lambda: pods.seen[name][-1].restarts == 1)
    told = [(pod.running, pod.ready) for pod in pods.seen[name] if pod.restarts == 0]

    assert told.index((True, True)) < told.index((True, False), told.index((True, True)))
    assert await exits.of([name]) == {0}  # a liveness that had failed would have cut it short
    assert (load.lost, load.run_twice) == (set(), set())


async def test_a_deleted_pod_finishes_what_it_has_and_its_successor_takes_the_rest(
    cluster: Cluster, pods: Pods, exits: Exits, load: Load, image: str, broker: BridgeBroker
) -> None:
    await cluster.deploy(image, broker.url, replicas=1)
    await pods.until_ready(1)
    [name] = pods.seen

    first = await load.publish(seconds=BUSY)
    await load.until(lambda: load.started[first] == 1)
    await cluster.kubectl("delete", "pod", name, "--wait=false")
    await pods.until_deleted(name)
    await pods.until_ready(1)
    second = await load.publish(seconds=0)
    await load.until(lambda: not load.lost)
    await pods.until_gone(name)

    assert load.pods[first] == name
    assert load.pods[second] != name
    assert load.run_twice == set()
    assert await exits.of([name]) == {0}


async def test_a_grace_period_that_is_too_short_costs_a_second_run_and_no_message(
    cluster: Cluster, pods: Pods, exits: Exits, load: Load, image: str, broker: BridgeBroker
) -> None:
    await cluster.deploy(image, broker.url, replicas=1, grace=1)
    await pods.until_ready(1)
    [name] = pods.seen

    cut_short = await load.publish(seconds=BUSY)
    await load.until(lambda: load.started[cut_short] == 1)
    await cluster.kubectl("delete", "pod", name, "--wait=false")
    await load.until(lambda: not load.lost)
    await pods.until_gone(name)

    assert await exits.of([name]) == {137}  # SIGKILL
    assert load.started == {cut_short: 2}
    assert load.completed == {cut_short: 1}
    assert load.pods[cut_short] != name


async def test_an_idle_pod_that_is_deleted_ends_by_itself(
    cluster: Cluster,
    pods: Pods,
    exits: Exits,
    load: Load,
    image: str,
    broker: BridgeBroker,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await cluster.deploy(image, broker.url, replicas=1)
    for _ in range(DELETIONS):
        await pods.until_ready(1)
        [pod] = pods.ready()
        await cluster.kubectl("delete", "pod", pod.name, "--wait=false")
        await pods.until_gone(pod.name)

    assert await exits.of(pods.gone) == {0}
    assert len(exits.took) == DELETIONS
    with capsys.disabled():
        took = f"{statistics.median(exits.took):.3f} s median, {max(exits.took):.3f} s worst"
        print(f"\nidle pod, SIGTERM to exit: {took}")
