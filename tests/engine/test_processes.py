"""Handlers in processes: called there as on the loop, stopped where threads can't be, and a death fails one message."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from consumer import ConfigurationError, HandlerProcessDied, RetryPolicy
from consumer.core.delivery import Message
from consumer.core.headers import EXCEPTION, REASON, TRACEBACK
from consumer.delivery import Draining
from consumer.engine.processes import pool
from consumer.engine.processes.naming import program
from consumer.engine.processes.process import Process
from tests.engine import process_handlers as handlers
from tests.engine.meeting import BOUND, Meeting, Visitor
from tests.engine.stage import LONG, Stage, turns, within

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")

SOON = 0.02


@pytest.fixture
async def meeting(monkeypatch: pytest.MonkeyPatch, bare_environment: Path) -> AsyncIterator[Meeting]:
    meeting = Meeting()
    await meeting.listen()
    monkeypatch.setenv("MEETING", str(meeting.port))
    yield meeting
    await meeting.close()


def handle(stage: Stage, function: Callable[..., object] = handlers.visit, **options: Any) -> None:
    stage.worker.handler("orders", **{"executor": "process", "concurrency": 1, **options})(function)


async def told(stage: Stage, name: Any, number: int = 1, message_id: str | None = None) -> None:
    """As `stage.told`, with time for a child to start."""
    async with asyncio.timeout(BOUND):
        while True:
            try:
                return await stage.told(name, number, message_id)
            except AssertionError:
                if stage.serving.done():
                    raise


async def visitor(stage: Stage, meeting: Meeting, name: str = "a") -> Visitor:
    """Put a message in the queue, start the worker if it doesn't run; its handler."""
    stage.put(name)
    if stage._serving is None:
        stage.start()
    return await meeting.visitor(name)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_it_runs_in_another_process_one_call_after_the_other(stage: Stage, meeting: Meeting) -> None:
    handle(stage)
    first = await visitor(stage, meeting)
    assert first.pid != os.getpid()
    assert await first.asked("imported here") == "True"
    first.tell("return")
    second = await visitor(stage, meeting, "b")
    assert second.pid == first.pid, "a child is kept for the next message"
    second.tell("return")
    await told(stage, "settled", 2)
    assert (await stage.drained()).exit_code == 0
    assert is_gone(first.pid)
    assert stage.of("process_died") == []


async def test_as_many_run_beside_each_other_as_the_concurrency_says(stage: Stage, meeting: Meeting) -> None:
    handle(stage, concurrency=2)
    stage.put("a", "b", "c")
    stage.start()
    a, b = await meeting.visitor("a"), await meeting.visitor("b")
    assert len({a.pid, b.pid, os.getpid()}) == 3
    a.tell("return")
    c = await meeting.visitor("c")
    assert c.pid == a.pid
    b.tell("return")
    c.tell("return")
    await told(stage, "settled", 3)
    assert (await stage.drained()).exit_code == 0


@pytest.mark.parametrize(
    ("function", "body", "name"),
    [
        pytest.param(handlers.order, b'{"cents": 5}', "5", id="a pydantic model"),
        pytest.param(handlers.note, b'{"text": "hi"}', "hi/a", id="a dataclass, and the delivery by another name"),
        pytest.param(handlers.hello, b"there", "hello-there", id="a partial"),
    ],
)
async def test_the_payload_is_decoded_there(
    stage: Stage, meeting: Meeting, function: Callable[..., object], body: bytes, name: str
) -> None:
    handle(stage, function)
    stage.fake.put("orders", body, message_id="a")
    stage.start()
    (await meeting.visitor(name)).tell("return")
    await told(stage, "settled")
    assert stage.fake.is_empty("orders.parked")
    await stage.drained()


@pytest.mark.parametrize("body", [b'{"cents": "many"}', b'{"cents": -1}', b"{"])
async def test_what_cannot_be_decoded_is_parked_with_the_reason(stage: Stage, body: bytes) -> None:
    handle(stage, handlers.order, retry=5)
    stage.fake.put("orders", body, message_id="a")
    stage.start()
    await told(stage, "settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert "is no Order: " in str(parked.properties.headers[REASON])
    assert stage.of("retrying") == []
    await stage.drained()


async def test_its_delivery_is_the_message_without_a_way_to_publish(stage: Stage, meeting: Meeting) -> None:
    handle(stage)
    stage.fake.put("orders", b"body", message_id="a", headers={"colour": "red", "x-lastcall-attempt": 3})
    stage.start()
    guest = await meeting.visitor("a")
    headers = {"colour": "red", "x-lastcall-attempt": 3}
    assert await guest.asked("delivery") == f"a b'body' {headers} False 3 orders None"
    guest.tell("publish")
    await told(stage, "settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert "delivery.publish() does not work in a process" in str(parked.properties.headers[REASON])
    await stage.drained()


async def test_a_large_body_gets_there(stage: Stage, meeting: Meeting) -> None:
    handle(stage)
    stage.fake.put("orders", bytes(5_000_000), message_id="a")
    stage.start()
    guest = await meeting.visitor("a")
    assert await guest.asked("size") == "5000000"
    guest.tell("return")
    await told(stage, "settled")
    await stage.drained()


async def test_the_drain_waits_for_it_and_it_sees_that_the_worker_drains(stage: Stage, meeting: Meeting) -> None:
    handle(stage)
    guest = await visitor(stage, meeting)
    assert await guest.asked("draining") == "False"
    stage.worker.stop()
    await told(stage, "drain_started")
    await turns()
    async with asyncio.timeout(BOUND):
        while await guest.asked("draining") == "False":
            """The word is on its way: each question is an answer later than the one before."""
    assert stage.of("finished") == []
    guest.tell("return")
    report = await within(stage.serving, BOUND)
    assert (report.exit_code, report.finished) == (0, 1)
    assert stage.ids("settled") == ["a"]
    assert is_gone(guest.pid)


async def test_whoever_cancels_every_task_of_the_loop_changes_nothing(stage: Stage, meeting: Meeting) -> None:
    handle(stage, concurrency=2)
    stage.put("a", "b")
    stage.start()
    a = await meeting.visitor("a")  # the child for "b" may still be starting
    for task in asyncio.all_tasks() - {asyncio.current_task(), stage.serving}:
        task.cancel("swept")
    b = await meeting.visitor("b")
    a.tell("return")
    b.tell("return")
    await told(stage, "settled", 2)
    assert (await stage.drained()).exit_code == 0
    assert stage.of("process_died") == []


@pytest.mark.parametrize(
    ("wish", "outcome"),
    [("retry", "retry"), ("retry by policy", "retry"), ("requeue", "returned"), ("park", "parked")],
)
async def test_what_it_raises_on_purpose_means_what_it_means_anywhere(
    stage: Stage, meeting: Meeting, wish: str, outcome: str
) -> None:
    handle(stage, retry=RetryPolicy(attempts=2, first_wait=60))
    guest = await visitor(stage, meeting)
    guest.tell(wish)
    await told(stage, "finished")
    assert stage.of("finished")[0].data["outcome"] == outcome
    if wish == "retry":
        await told(stage, "put_off")
        data = stage.of("put_off")[0].data
        assert (data["seconds"], data["reason"]) == (90, "Retry: not yet")
    if wish == "park":
        await told(stage, "parked")
        assert stage.of("parked")[0].data["reason"] == "not for us"
    stage.worker.stop_now()
    await within(stage.serving, BOUND)


@pytest.mark.parametrize(
    ("wish", "kind", "text"),
    [
        ("key error", "KeyError", "'colour'"),
        ("gateway error", "GatewayError", "the gateway said 503"),
        ("sys.exit", "SystemExit", "3"),
        ("unspeakable", "UnspeakableError", "UnspeakableError"),
        ("nameless", "RemoteError", "NamelessError: who?"),
        ("generator exit", "RemoteError", "GeneratorExit"),
    ],
)
async def test_a_failure_is_parked_with_its_type_its_text_and_its_traceback(
    stage: Stage, meeting: Meeting, wish: str, kind: str, text: str
) -> None:
    handle(stage)
    guest = await visitor(stage, meeting)
    guest.tell(wish)
    await told(stage, "settled")
    (parked,) = stage.fake.ready("orders.parked")
    story = parked.properties.headers
    assert story[EXCEPTION] == kind
    assert text in str(story[REASON])
    assert "in visit\n" in str(story[TRACEBACK]), "the traceback of over there"
    assert "child.py" not in str(story[TRACEBACK]), "without what is ours"
    again = await visitor(stage, meeting, "b")
    assert again.pid == guest.pid, "a failure is no reason for another process"
    again.tell("return")
    await told(stage, "settled", 2)
    assert (await stage.drained()).exit_code == 0


async def test_a_policy_knows_its_exceptions(stage: Stage, meeting: Meeting) -> None:
    handle(stage, retry=RetryPolicy(attempts=2, first_wait=0, on=(handlers.GatewayError,)))
    guest = await visitor(stage, meeting)
    guest.tell("gateway error")
    again = await meeting.visitor("a")
    assert " 2 orders " in await again.asked("delivery")
    again.tell("key error")
    await told(stage, "settled")
    assert stage.fake.ready("orders.parked")[0].properties.headers[EXCEPTION] == "KeyError"
    await stage.drained()


@pytest.mark.parametrize(("wish", "how"), [("kill", "SIGKILL"), ("exit 7", "exit code 7"), ("fork and die", "SIGKILL")])
async def test_a_childs_death_fails_its_message_alone_and_the_next_one_gets_another(
    stage: Stage, meeting: Meeting, wish: str, how: str
) -> None:
    handle(stage, concurrency=2)
    stage.put("a", "b")
    stage.start()
    a, b = await meeting.visitor("a"), await meeting.visitor("b")
    a.tell(wish)
    await told(stage, "settled", message_id="a")
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.properties.headers[EXCEPTION] == "HandlerProcessDied"
    assert how in str(parked.properties.headers[REASON])
    assert how in str(stage.of("process_died")[0].data["how"])
    assert await b.asked("draining") == "False", "the other one runs on"
    c = await visitor(stage, meeting, "c")
    assert c.pid not in {a.pid, b.pid}
    b.tell("return")
    c.tell("return")
    await told(stage, "settled", 3)
    assert (await stage.drained()).exit_code == 0


async def test_a_death_goes_through_the_retry_policy(stage: Stage, meeting: Meeting) -> None:
    handle(stage, retry=RetryPolicy(attempts=2, first_wait=0, on=(HandlerProcessDied,)))
    guest = await visitor(stage, meeting)
    guest.tell("kill")
    (await meeting.visitor("a")).tell("return")
    await told(stage, "settled")
    assert stage.fake.is_empty("orders.parked")
    await stage.drained()


async def test_a_child_that_dies_idle_fails_nothing(stage: Stage, meeting: Meeting) -> None:
    handle(stage)
    guest = await visitor(stage, meeting)
    guest.tell("return")
    await told(stage, "settled")
    os.kill(guest.pid, 9)
    await told(stage, "process_died")
    other = await visitor(stage, meeting, "b")
    assert other.pid != guest.pid
    other.tell("return")
    await told(stage, "settled", 2)
    assert stage.fake.is_empty("orders.parked")
    await stage.drained()


def dying_with_a_call_in_hand(times: int) -> type[Process]:
    """Children of which so many are killed between the handing over of a call and the handler's start."""

    class Dying(Process):
        left = times

        async def run(self, call: bytes) -> bytes:
            if Dying.left:
                Dying.left -= 1
                self.kill()
            return await super().run(call)

    return Dying


@pytest.mark.parametrize("deaths", [1, 2])
async def test_a_message_handed_to_a_child_that_has_died_idle_gets_another(
    stage: Stage, meeting: Meeting, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    monkeypatch.setattr(pool, "Process", dying_with_a_call_in_hand(deaths))
    handle(stage, concurrency=2)
    guest = await visitor(stage, meeting)
    assert " 1 orders " in await guest.asked("delivery"), "it is its first attempt"
    guest.tell("return")
    await told(stage, "settled")
    assert len(stage.of("process_died")) == deaths
    assert stage.fake.is_empty("orders.parked")
    assert (await stage.drained()).exit_code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_child_that_has_no_room_for_a_message_ends_and_another_one_takes_it(stage: Stage) -> None:
    handle(stage, handlers.cramped)
    stage.put("a")
    stage.start()
    await told(stage, "settled")
    stage.fake.put("orders", bytes(96_000_000), message_id="b")
    await told(stage, "settled", 2)
    assert len(stage.of("process_died")) == 1
    assert stage.fake.is_empty("orders.parked")
    await stage.drained()


async def test_no_child_is_started_any_more_once_they_have_been_ended() -> None:
    processes = pool.Processes(1, "ended", program(handlers.order, "ended", int))
    await within(processes.open(Draining(), lambda _: None), BOUND)
    await within(processes.close(), BOUND)
    with pytest.raises(HandlerProcessDied, match="the worker has ended its processes"):
        await within(processes.run(Message(b"{}", "orders"), None), BOUND)


async def test_a_message_with_which_every_child_dies_has_failed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "Process", dying_with_a_call_in_hand(times=2))
    handle(stage, concurrency=1)
    stage.put("a")
    stage.start()
    await told(stage, "settled")
    (parked,) = stage.fake.ready("orders.parked")
    assert parked.properties.headers[EXCEPTION] == "HandlerProcessDied"
    assert "SIGKILL (out of memory?), and 1 before it, none of which called" in str(parked.properties.headers[REASON])
    await stage.drained()


async def test_a_child_that_dies_as_it_says_that_it_is_ready_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(Process):
        async def begin(self, program: bytes) -> bytes:
            answer = await super().begin(program)
            self.kill()
            await self.gone()
            return answer

    monkeypatch.setattr(pool, "Process", Dying)
    processes = pool.Processes(1, "dying", program(handlers.order, "dying", int))
    with pytest.raises(HandlerProcessDied, match="SIGKILL"):
        await within(processes.open(Draining(), lambda _: None), BOUND)
    await within(processes.close(), BOUND)


@pytest.mark.parametrize("error", [MemoryError(), ValueError("fds_to_keep"), OSError("no more processes")])
async def test_a_child_that_cannot_be_started_is_tried_again_and_its_message_waits(
    stage: Stage, meeting: Meeting, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    handle(stage, concurrency=2)
    first = await visitor(stage, meeting)

    class FailingOnce(subprocess.Popen[bytes]):
        failed = False

        def __init__(self, *args: Any, **options: Any) -> None:
            if not FailingOnce.failed:
                FailingOnce.failed = True
                raise error
            super().__init__(*args, **options)

    monkeypatch.setattr(subprocess, "Popen", FailingOnce)
    second = await visitor(stage, meeting, "b")
    assert str(error) in str(stage.of("process_start_failed")[0].data["error"])
    first.tell("return")
    second.tell("return")
    await told(stage, "settled", 2)
    assert stage.fake.is_empty("orders.parked")
    assert (await stage.drained()).exit_code == 0


@pytest.mark.parametrize("wish", ["clean up", "swallow"])
async def test_its_timeout_stops_the_child_and_counts_as_a_failure(
    stage: Stage, meeting: Meeting, wish: str, tmp_path: Path
) -> None:
    handle(stage, timeout=3)
    left_behind = tmp_path / "left behind"
    stage.fake.put("orders", str(left_behind).encode(), message_id="a")
    stage.start()
    guest = await meeting.visitor("a")
    guest.tell(wish)
    await told(stage, "settled")
    assert len(stage.of("timed_out")) == 1
    assert stage.fake.ready("orders.parked")[0].properties.headers[EXCEPTION] == "HandlerTimeout"
    assert is_gone(guest.pid), "the slot is free when the process is gone, not before"
    assert left_behind.exists() is (wish == "clean up")
    assert stage.of("process_died") == [], "it did not die by itself"
    await stage.drained()


async def test_a_lost_lease_stops_the_child_if_the_handler_says_so(stage: Stage, meeting: Meeting) -> None:
    handle(stage, on_lease_lost="cancel")
    guest = await visitor(stage, meeting)
    stage.fake.cut()
    again = await meeting.visitor("a")
    assert is_gone(guest.pid)
    again.tell("return")
    await told(stage, "settled")
    assert (await stage.drained()).exit_code == 0


@pytest.mark.parametrize("wish", ["clean up", "swallow"])
async def test_at_the_deadline_the_child_is_stopped_and_the_message_handed_back_and_named(
    stage: Stage, meeting: Meeting, wish: str
) -> None:
    stage.make(drain_timeout=SOON)
    handle(stage, concurrency=2)
    stage.put("a", "b")
    stage.start()
    guests = [await meeting.visitor("a"), await meeting.visitor("b")]
    for guest in guests:
        guest.tell(wish)
    stage.worker.stop()
    report = await within(stage.serving, BOUND)
    assert (report.exit_code, sorted(report.orphans)) == (3, ["a", "b"])
    assert sorted(map(str, stage.ready())) == ["a", "b"]
    assert all(is_gone(guest.pid) for guest in guests)


async def test_a_stop_while_the_first_child_starts_waits_for_nothing(stage: Stage) -> None:
    handle(stage)
    stage.start()
    await turns()
    assert (await within(stage.drained(), BOUND)).exit_code == 0
    assert stage.of("connected") == []


async def test_signals_mean_nothing_to_it_and_are_whole_again_in_what_it_forks(stage: Stage, meeting: Meeting) -> None:
    handle(stage)
    guest = await visitor(stage, meeting)
    assert await guest.asked("group of its own") == "True"
    assert await guest.asked("signals") == "still here"
    assert await guest.asked("fork") == "True"
    guest.tell("return")
    await told(stage, "settled")
    assert (await stage.drained()).exit_code == 0


async def test_a_signal_in_its_first_moment_does_not_strike(
    stage: Stage, meeting: Meeting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python imports `sitecustomize` before it runs anything of ours."""
    struck = "import os, signal\nfor each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): os.kill(os.getpid(), each)"
    (tmp_path / "sitecustomize.py").write_text(struck)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    handle(stage)
    (await visitor(stage, meeting)).tell("return")
    await told(stage, "settled")
    assert stage.of("process_died") == []
    assert (await stage.drained()).exit_code == 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells")
async def test_it_inherits_nothing_but_its_link(stage: Stage, meeting: Meeting) -> None:
    handle(stage)
    guest = await visitor(stage, meeting)
    # standard streams, the link, and the visit to this test
    assert await guest.asked("descriptors") == "5"
    guest.tell("return")
    await told(stage, "settled")
    await stage.drained()


async def test_it_logs_at_the_workers_level(stage: Stage, meeting: Meeting) -> None:
    stage.make(log_level="error")
    handle(stage)
    guest = await visitor(stage, meeting)
    assert await guest.asked("log level") == "40"
    guest.tell("return")
    await told(stage, "settled")
    await stage.drained()


async def an_async_one(_body: bytes) -> None: ...


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        pytest.param(lambda _body: None, "top level of a module", id="a lambda"),
        pytest.param(handlers.seen_by_the_worker, "outermost decorator", id="one that a decorator hides"),
        pytest.param(an_async_one, "is async", id="an async one"),
    ],
)
async def test_what_no_process_can_run_is_refused_at_the_start(
    stage: Stage, function: Callable[..., object], problem: str
) -> None:
    handle(stage, function)
    with pytest.raises(ConfigurationError, match=problem):
        await stage.worker.serve()


async def test_an_unknown_executor_is_refused_by_its_name(stage: Stage) -> None:
    with pytest.raises(ConfigurationError, match="executor='fiber'"):
        handle(stage, executor="fiber")


async def test_a_module_that_cannot_be_imported_there_is_told_at_the_start(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("import os\nassert 'ONLY' in os.environ\ndef work(body: bytes): ...")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ONLY", "1")
    import only_here  # type: ignore[import-not-found]  # noqa: PLC0415

    monkeypatch.delenv("ONLY")
    handle(stage, only_here.work)
    with pytest.raises(ConfigurationError, match="AssertionError"):
        await within(stage.worker.serve(), BOUND)
    assert stage.of("connected") == []


async def test_a_child_that_cannot_be_started_is_tried_again_and_the_message_waits(
    stage: Stage, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(stage, timeout=LONG)
    guest = await visitor(stage, meeting)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nowhere/python")
        guest.tell("return")
        await told(stage, "settled")
        os.kill(guest.pid, 9)
        await told(stage, "process_died")
        stage.put("b")
        await told(stage, "process_start_failed")
    assert "could not be started" in str(stage.of("process_start_failed")[0].data["error"])
    (await meeting.visitor("b")).tell("return")
    await told(stage, "settled", 2)
    assert stage.fake.is_empty("orders.parked")
    await stage.drained()
