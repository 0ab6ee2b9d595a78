"""A cluster of three nodes and a queue on all of them: a node dies, the leader moves, the network splits."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.process.harness import WorkerProcess

from .cluster import TICK, Cluster
from .conftest import IMAGE, need_what_faults_take
from .node import Network
from .stage import CONCURRENCY, PASSWORD, PREFETCH, USER, VHOST, Place, make_place

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.process, pytest.mark.docker]

LOAD = 1000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    need_what_faults_take()
    network = Network(f"lastcall-cluster-{os.getpid()}")

    async def up() -> Cluster:
        await network.make()
        cluster = Cluster.of(IMAGE, network)
        await cluster.run()
        admin = cluster.nodes[0].admin
        await admin.make_vhost(VHOST)
        await admin.set_user(USER, PASSWORD)
        await admin.allow(USER, VHOST)
        return cluster

    async def down() -> None:
        await asyncio.gather(*(node.remove() for node in Cluster.of(IMAGE, network).nodes))
        await network.remove()

    try:
        yield asyncio.run(up())
    finally:
        asyncio.run(down())


@pytest.fixture
async def place(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A queue on three nodes whose leader is on the second; workers dial the second, the third, then the first."""
    first, second, third = cluster.nodes
    addresses = ",".join(node.url(USER, PASSWORD, VHOST) for node in (second, third, first))
    async with AsyncExitStack() as cleanup:
        place = await make_place(first, tmp_path, addresses, f"{request.node.name}.", cleanup)
        await cluster.move_leader(VHOST, place.jobs.queue.name, second)
        yield place
        await cluster.start()


async def leave(place: Place, worker: WorkerProcess) -> None:
    place.signal(worker, SIGTERM)
    assert await worker.exit() in {0, 3}
    await place.close_books()
    assert not place.books.problems(), place.books.problems()


async def test_a_node_that_is_killed_under_load_takes_no_message_with_it(cluster: Cluster, place: Place) -> None:
    worker = await place.consuming()
    await place.publish(LOAD, "take a moment")
    await worker.until("settled", 20)
    await cluster.nodes[1].kill()
    await worker.until("consuming", 2)
    await worker.until_each("settled", place.books.owed)
    await leave(place, worker)


async def test_a_node_that_is_killed_in_a_drain_holds_nothing_up(cluster: Cluster, place: Place) -> None:
    place.books.excused = 1
    worker = await place.consuming()
    await place.publish(PREFETCH, "hold")
    await worker.until("started", CONCURRENCY)
    place.signal(worker, SIGTERM)
    await worker.until("requeued", PREFETCH - CONCURRENCY, reason="drain")
    await cluster.nodes[1].kill()
    place.gate.open()
    assert await worker.exit() == 0
    heir = await place.consuming()
    assert "connecting" not in {each["event"] for each in heir.events}, (
        "the second address is tried in the same attempt"
    )
    await heir.until_each("settled", place.books.owed)
    await leave(place, heir)


async def test_a_leader_that_moves_under_load_is_not_even_noticed(cluster: Cluster, place: Place) -> None:
    worker = await place.consuming()
    await place.publish(LOAD, "take a moment")
    for node in (cluster.nodes[2], cluster.nodes[0], cluster.nodes[1]):
        await worker.until("settled", len(worker.named("settled")) + 20)
        await cluster.move_leader(VHOST, place.jobs.queue.name, node)
    await worker.until_each("settled", place.books.owed)
    assert not worker.named("connection_lost")
    assert not worker.named("channel_lost")
    await leave(place, worker)


async def test_a_worker_on_the_minority_side_of_a_split_loses_nothing(cluster: Cluster, place: Place) -> None:
    place.books.excused = 1  # the majority gives what the minority holds to somebody else
    minority, majority = cluster.nodes[1:]
    worker = await place.consuming()
    other = await place.consuming("--amqp-url", majority.url(USER, PASSWORD, VHOST))
    await place.publish(LOAD, "take a moment")
    await asyncio.gather(worker.until("settled", 20), other.until("settled", 20))
    async with cluster.isolated(minority):
        await asyncio.sleep(2 * TICK)  # the others take it for down and elect another leader
        await other.until("settled", len(other.named("settled")) + 20)
    place.signal(worker, SIGTERM)
    assert await worker.exit() in {0, 3}
    await other.until_each("settled", place.books.owed - set(worker.ids("settled")))
    await leave(place, other)
