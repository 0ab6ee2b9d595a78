"""What probes are told of a worker, through its life."""

import asyncio
import threading
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest

from consumer.core.lifecycle import Phase
from consumer.observe.answers import Answers
from tests.engine.stage import Stage, within
from tests.observe.asking import Ports, ask, ask_and_block, statuses

OK, UNAVAILABLE = int(HTTPStatus.OK), int(HTTPStatus.SERVICE_UNAVAILABLE)


async def test_before_it_consumes_it_is_alive_and_neither_started_nor_ready(stage: Stage, ports: Ports) -> None:
    stage.handle()
    gate = stage.fake.hold("consume")
    stage.start()
    await within(gate.reached)
    assert await statuses(ports.last) == (OK, UNAVAILABLE, UNAVAILABLE)
    assert (await ask(ports.last, "/readyz")).text == "starting\n"
    gate.open()
    await stage.told("consuming")
    assert await statuses(ports.last) == (OK, OK, OK)


async def test_while_it_drains_it_is_alive_and_not_ready(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.worker.stop()
    await stage.told("drain_started")
    assert await statuses(ports.last) == (OK, UNAVAILABLE, OK)
    assert (await ask(ports.last, "/readyz")).text == "draining\n"
    stage.handling.finish("a")
    await stage.report()


async def test_a_worker_whose_connection_is_lost_stays_ready_and_alive(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    reply = await ask(ports.last, "/readyz")
    assert (reply.status, reply.text) == (OK, "reconnecting\n")
    assert await statuses(ports.last) == (OK, OK, OK)
    status = (await ask(ports.last, "/statusz")).json
    assert status["connection"]["address"] is None
    assert status["queues"][0]["consumed"] is False
    assert status["in_flight"][0]["lease_lost"] is True
    gate.open()


async def test_a_quiet_worker_is_not_ready_while_its_connection_is_lost_either(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.start()
    await stage.told("consuming")
    stage.worker.quiet()
    await stage.told("quieted")
    assert await statuses(ports.last) == (OK, UNAVAILABLE, OK)
    gate = stage.fake.hold("connect")
    stage.fake.cut()
    await within(gate.reached)
    reply = await ask(ports.last, "/readyz")
    assert (reply.status, reply.text) == (UNAVAILABLE, "reconnecting\n")
    assert (await ask(ports.last, "/statusz")).json["quiet"] is True
    gate.open()
    await stage.told("quieted", 2)
    stage.worker.resume()
    await stage.told("consuming", 2)
    assert await statuses(ports.last) == (OK, OK, OK)


async def test_what_has_never_consumed_has_started_once_it_is_quiet_or_told_to_stop(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.worker.quiet()
    stage.start()
    await stage.told("quieted")
    assert await statuses(ports.last) == (OK, UNAVAILABLE, OK)


async def test_it_answers_while_the_loop_is_blocked_and_shows_who_blocks_it(stage: Stage, ports: Ports) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.extend([ask_and_block(ports.last, "/readyz"), ask_and_block(ports.last, "/statusz")])

    @stage.worker.handler("orders")
    async def block() -> None:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(10)

    stage.put("a")
    stage.start()
    await stage.told("settled")
    ready, status = seen
    assert ready.status == OK
    assert [each["message_id"] for each in status.json["in_flight"]] == ["a"]


@pytest.mark.parametrize(("silent", "status"), [(0.0, OK), (59.9, OK), (60.0, UNAVAILABLE)])
@pytest.mark.parametrize("phase", list(Phase))
def test_livez_fails_when_the_loop_is_stuck_for_so_long_and_for_nothing_else(
    silent: float, status: int, phase: Phase
) -> None:
    seen: Any = SimpleNamespace(phase=phase, ready=False, started=False)
    nobody: Any = None
    answers = Answers(lambda: seen, lambda: silent, 60.0, nobody, nobody)
    assert answers("GET", "/livez", "").status == status


async def test_the_port_is_free_again_when_the_run_has_ended(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.start()
    await stage.told("consuming")
    await stage.drained()
    with pytest.raises(ConnectionRefusedError):
        await ask(ports.last, "/livez")
    assert not [thread for thread in threading.enumerate() if thread.name == "lastcall health" and thread.is_alive()]


async def test_nobody_listens_unless_it_is_asked_for(stage: Stage, ports: Ports) -> None:
    stage.make()
    stage.handle()
    stage.start()
    await stage.told("consuming")
    assert ports.told == []


async def test_a_loop_that_nobody_is_named_for_is_still_watched_for_livez(stage: Stage, ports: Ports) -> None:
    stage.make(health="127.0.0.1:0", blocked_after="none")
    stage.handle()
    stage.start()
    await stage.told("consuming")
    assert (await ask(ports.last, "/livez")).status == OK
    assert "lastcall_loop_lag_seconds" in (await ask(ports.last, "/metrics")).text


async def test_two_runs_of_one_worker_answer_one_after_the_other(stage: Stage, ports: Ports) -> None:
    stage.handle()
    for number in (1, 2):
        stage.start()
        await stage.told("consuming", number)
        assert (await ask(ports.last, "/readyz")).status == OK
        await stage.drained()
    assert len(ports.told) == 2


async def test_a_snapshot_is_there_while_the_worker_runs_and_not_else(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    assert stage.worker.snapshot() is None
    await stage.running("a")
    seen = await asyncio.to_thread(stage.worker.snapshot)
    assert seen is not None
    assert (seen.phase, seen.in_flight, seen.draining) == (Phase.CONSUMING, 1, False)
    stage.handling.finish("a")
    await stage.drained()
    assert stage.worker.snapshot() is None
