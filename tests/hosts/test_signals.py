"""The signals are the worker's while it runs, and afterwards whose they were before."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, SIGUSR1

import pytest

from consumer import Delivery, Worker
from consumer.errors import ConfigurationError
from consumer.hosts import asyncio_host
from consumer.hosts.signals import StopSignals
from consumer.settings import Settings
from consumer.testing.fake import FakeBroker
from tests.process.harness import MARGIN, Workers
from tests.process.queues import Jobs

from .test_a_stop_loses_nothing import hosted

TAKEN = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT, signal.SIGHUP]


@pytest.fixture
def wakeups() -> Iterator[socket.socket]:
    """The application's own wakeup fd."""
    ours, its = socket.socketpair()
    its.setblocking(False)
    before = signal.set_wakeup_fd(its.fileno())
    yield its
    signal.set_wakeup_fd(before)
    ours.close()
    its.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_afterwards_handlers_and_wakeup_fd_are_as_they_were(
    bare_environment: Path, wakeups: socket.socket, loop: str
) -> None:
    settings = Settings.load(amqp_url="amqp://guest:guest@127.0.0.1/", idle_timeout=0.01, loop=loop, stop_signals="hup")
    worker = Worker(settings, broker=FakeBroker())
    seen: list[object] = []

    @worker.handler("orders")
    async def work(_delivery: Delivery) -> None: ...

    worker.observe(lambda event: seen.extend(map(signal.getsignal, TAKEN)) if event.name == "consuming" else None)
    before = {number: signal.signal(number, lambda *_: None) for number in TAKEN}
    try:
        ours = [signal.getsignal(number) for number in TAKEN]
        assert asyncio_host.run(worker) == 0
        assert [signal.getsignal(number) for number in TAKEN] == ours
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert len(seen) == len(TAKEN)
    assert not set(seen) & set(ours)
    assert signal.set_wakeup_fd(wakeups.fileno()) == wakeups.fileno()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("SIGHUP,SIGKILL", "no process can catch it"),
        ("quit", "it ends the worker at once"),
        ("SIGTSTP", "quiet"),
        ("SIGNOTHING", "this system has no signal 'SIGNOTHING'"),
    ],
)
def test_a_stop_signal_that_can_be_none_is_refused(bare_environment: Path, given: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Settings.load(stop_signals=given)


@pytest.mark.parametrize("given", ["hup, usr1", "SIGHUP,SIGUSR1"])
def test_stop_signals_go_by_their_names(bare_environment: Path, given: str) -> None:
    assert Worker(Settings.load(stop_signals=given)).stop_signals == (SIGHUP, SIGUSR1)


@pytest.mark.broker
@pytest.mark.process
async def test_a_signal_of_ones_own_choice_drains(workers: Workers, jobs: Jobs) -> None:
    worker = await workers.consuming(env={"LASTCALL_STOP_SIGNALS": "SIGHUP"})
    worker.signal(SIGHUP)
    await worker.until("drain_started", reason="SIGHUP")
    assert await worker.exit() == 0


@pytest.mark.broker
@pytest.mark.process
async def test_a_parent_of_several_drains_at_it_too(workers: Workers, jobs: Jobs) -> None:
    parent = await workers.start("--processes", "2", env={"LASTCALL_STOP_SIGNALS": "SIGHUP"})
    await parent.until("consuming", 2)
    parent.signal(SIGHUP)
    await parent.until("drain_started", 2)
    assert await parent.exit() == 0


@pytest.mark.broker
@pytest.mark.process
@pytest.mark.parametrize("host", ["run", "as-on-windows"])
@pytest.mark.parametrize("stop", [SIGTERM, SIGINT])
async def test_an_idle_worker_ends_at_once(workers: Workers, jobs: Jobs, host: str, stop: signal.Signals) -> None:
    """With nobody else who would wake its loop."""
    worker = await hosted(workers, host, LASTCALL_BLOCKED_AFTER="none")
    await worker.until("consuming")
    signalled = worker.signal(stop)
    assert await worker.exit() == 0
    assert worker.gone_at - signalled < MARGIN
    print(f"{host} {stop.name}: heard after {worker.named('drain_started')[0]['monotonic'] - signalled:.3f} s")


@pytest.mark.broker
@pytest.mark.process
@pytest.mark.parametrize("do", ["swallow cancellation", "block the loop in C"])
async def test_as_on_windows_a_second_signal_hurries_and_a_blocked_loop_holds_nobody(
    workers: Workers, jobs: Jobs, do: str
) -> None:
    await jobs.publish(1, do)
    worker = await hosted(workers, "as-on-windows", LASTCALL_DRAIN_TIMEOUT="30")
    await worker.until("started")
    worker.signal(SIGHUP)
    if do == "swallow cancellation":
        await worker.until("drain_started", reason="SIGHUP")
    signalled = worker.signal(SIGINT)
    assert await worker.exit() == 4
    assert worker.gone_at - signalled < MARGIN


class Steered:
    """A SIGCONT comes while it is told to be quiet."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stop(self, reason: str) -> None:
        self.told.append(f"stop: {reason}")

    def stop_now(self, reason: str) -> None:
        self.told.append(f"stop now: {reason}")

    def quiet(self, reason: str) -> None:
        signal.raise_signal(signal.SIGCONT)
        self.told.append("quiet")

    def resume(self) -> None:
        self.told.append("resume")


@pytest.mark.parametrize("when", ["before", "afterwards"])
def test_a_resume_that_comes_while_quiet_is_passed_on_has_the_last_word(when: str) -> None:
    signals, steered = StopSignals().install(), Steered()
    try:
        if when == "before":
            signal.raise_signal(signal.SIGTSTP)
        signals.attach(steered, lambda: None)
        if when == "afterwards":
            signal.raise_signal(signal.SIGTSTP)
        assert steered.told[-1] == "resume"
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert steered.told[-2:] == ["stop: SIGTERM", "stop now: second signal (SIGTERM)"]
    finally:
        signals.restore()
