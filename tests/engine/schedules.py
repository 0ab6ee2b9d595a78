"""Schedules to play on a worker: the scene, the steps, the handler that they steer, and what it saw."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import strategies as st

from consumer import Delivery, Requeue, RetryPolicy
from consumer.inbox import Claim
from consumer.testing.fake import FakeBroker
from consumer.testing.fake_gates import Gate
from consumer.worker import Worker
from tests.engine.stage import Stage, turns

Step = Literal[
    "put", "put near", "cut", "cut channel", "finish", "fail", "requeue", "cancel",
    "hold", "open", "hold connect", "open connect", "release", "quiet", "resume", "wait", "turn",
]  # fmt: skip
STEPS: tuple[Step, ...] = Step.__args__  # type: ignore[attr-defined]  # the words of the Literal
POLICIES = (
    None,
    RetryPolicy(attempts=3, first_wait=0.5, jitter=0),
    RetryPolicy(attempts=3, first_wait=0.5, factor=8, jitter=0),
    RetryPolicy(attempts=2, first_wait=8, jitter=0),
)
DELAYING = {"x-queue-type": "quorum", "x-delayed-retry-type": "failed", "x-delayed-retry-min": 1000}


class MemoryInbox:
    """The shortest inbox there is: its leases never end."""

    lease = 60.0

    def __init__(self) -> None:
        self.claims: dict[str, str] = {}
        self.completed: set[str] = set()

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def claim(self, key: str, owner: str) -> Claim:
        await asyncio.sleep(0)
        if key in self.completed:
            return Claim.COMPLETED
        return Claim.GRANTED if self.claims.setdefault(key, owner) == owner else Claim.HELD

    async def renew(self, keys: object, owner: str) -> set[str]:
        await asyncio.sleep(0)
        return {key for key, held_by in self.claims.items() if held_by == owner}

    async def complete(self, key: str, _owner: str) -> bool:
        await asyncio.sleep(0)
        self.completed.add(key)
        return True

    async def release(self, key: str, _owner: str) -> None:
        await asyncio.sleep(0)
        if key not in self.completed:
            self.claims.pop(key, None)


@dataclass(frozen=True)
class Scene:
    """How the worker and its queue are set up."""

    version: tuple[int, int]
    arguments: dict[str, object] | None
    concurrency: int
    more_prefetch: int
    policy: RetryPolicy | None
    timeout: float | None
    on_lease_lost: Literal["finish", "cancel"]
    has_inbox: bool


SCENES = st.builds(
    Scene,
    version=st.sampled_from([(4, 3), (4, 0)]),
    arguments=st.sampled_from([None, {"x-queue-type": "quorum"}, DELAYING]),
    concurrency=st.integers(1, 3),
    more_prefetch=st.integers(0, 2),
    policy=st.sampled_from(POLICIES),
    timeout=st.sampled_from([None, 3.0]),
    on_lease_lost=st.sampled_from(["finish", "cancel"]),
    has_inbox=st.booleans(),
)


@dataclass
class Running:
    """One run of the handler, waiting for its end."""

    name: str
    copy: object
    task: asyncio.Task[object] | None
    end: asyncio.Future[None]


@dataclass
class Play:
    """What a schedule does to a worker, and what its handler sees of that."""

    fake: FakeBroker
    stage: Stage
    worker: Worker
    names: list[str] = field(default_factory=list)
    runs: list[Running] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    beside_itself: list[str] = field(default_factory=list)
    run_though_completed: list[str] = field(default_factory=list)
    gates: dict[str, Gate] = field(default_factory=dict)

    async def handle(self, delivery: Delivery) -> None:
        name, copy = str(delivery.message_id), delivery.headers.get("x-lastcall-copy", 0)
        if any((name, copy) == (each.name, each.copy) for each in self.runs):
            self.beside_itself.append(name)
        if name in self.completed:
            self.run_though_completed.append(name)
        run = Running(name, copy, asyncio.current_task(), asyncio.get_running_loop().create_future())
        self.runs.append(run)
        try:
            await run.end
            self.completed.append(name)
        finally:
            self.runs.remove(run)

    def put(self, headers: dict[str, object] | None = None) -> None:
        name = f"m{len(self.names)}"
        self.names.append(name)
        self.fake.put("orders", message_id=name, headers=headers)

    def messages(self) -> list[str | None]:
        """Where each of them is, delivered or not."""
        here = [*self.fake.ready("orders"), *self.fake.unacked("orders"), *self.fake.ready("orders.parked")]
        return [message.message_id for message in (*here, *(each for each, _ in self.fake.delayed("orders")))]

    async def settle(self) -> None:
        """Let everything come to rest but the handlers; a quiet worker can't come to what it has completed before."""
        self.worker.resume()
        for point in [*self.gates]:
            self.open(point)
        await asyncio.sleep(60)

    def end(self, which: int, how: Callable[[Running], object]) -> None:
        if self.runs:
            run = self.runs[which % len(self.runs)]
            if not run.end.done():
                how(run)

    def hold(self, point: Literal["confirm", "connect"]) -> None:
        if point not in self.gates:
            self.gates[point] = self.fake.hold(point)

    def open(self, point: str) -> None:
        if point in self.gates:
            self.gates.pop(point).open()

    async def step(self, step: Step, which: int) -> None:
        acts: dict[Step, Callable[[], object]] = {
            "put": self.put,
            "put near": lambda: self.put({"x-delivery-count": 15}),
            "cut": self.fake.cut,
            "cut channel": lambda: self.fake.cut_channels("orders"),
            "finish": lambda: self.end(which, lambda run: run.end.set_result(None)),
            "fail": lambda: self.end(which, lambda run: run.end.set_exception(ValueError("broken"))),
            "requeue": lambda: self.end(which, lambda run: run.end.set_exception(Requeue())),
            "cancel": lambda: self.end(which, lambda run: run.task and run.task.cancel()),
            "hold": lambda: self.hold("confirm"),
            "open": lambda: self.open("confirm"),
            "hold connect": lambda: self.hold("connect"),
            "open connect": lambda: self.open("connect"),
            "release": lambda: self.fake.release("orders"),
            "quiet": self.worker.quiet,
            "resume": self.worker.resume,
        }
        if step in acts:
            acts[step]()
        elif step == "wait":
            await asyncio.sleep(which * 0.7)
        else:
            await turns(1)
        await turns(which)
