"""What is looked at, as plain data: workers, what starts them, what scales them, their queues.

May know: core's words, where things were read. May not know: how they were read, which rules look at them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from consumer.check.finding import Where
from consumer.core.facts import QueueFacts
from consumer.core.queue import Queue
from consumer.core.retry import RetryPolicy

Kind: TypeAlias = Literal["here", "pod", "service", "image", "process"]
"""`here`: the worker with the settings that the check itself was given; nothing says what starts it."""

Permission: TypeAlias = Literal["configure", "write", "read"]
Purpose: TypeAlias = Literal["consume", "declare", "park", "delay", "bind"]


@dataclass(frozen=True, slots=True)
class HandlerFacts:
    """A handler with its settings. `timeout` in seconds; None: as long as it takes."""

    name: str
    queue: Queue
    concurrency: int
    prefetch: int
    timeout: float | None
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker with the settings of the place that it runs in.

    `bounded`: it ends by itself. `vhost`: its virtual host on the broker; None: not known.
    """

    handlers: tuple[HandlerFacts, ...]
    drain_timeout: float
    connect_timeout: float
    stop_signals: frozenset[str]
    bounded: bool = False
    vhost: str | None = None


@dataclass(frozen=True, slots=True)
class Grace:
    """The time from the stop signal to SIGKILL, in seconds. `default`: nobody has set it."""

    seconds: float
    where: Where
    default: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """What runs before the signal, inside the grace period. `seconds`: how long it sleeps; None: not known."""

    where: Where
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Probe:
    """A kubelet's probe. `path`: what it asks over HTTP; None: it asks otherwise."""

    kind: Literal["startup", "liveness", "readiness"]
    where: Where
    path: str | None
    period: float = 10
    failures: int = 3

    @property
    def patience(self) -> float:
        """Seconds of failing that it takes until the kubelet acts."""
        return self.period * self.failures


@dataclass(frozen=True, slots=True)
class Workload:
    """What a pod is made from, as a scaler names it. `replicas`: as the manifest sets them."""

    kind: str
    name: str
    replicas: int | None
    where: Where


@dataclass(frozen=True, slots=True)
class Launch:
    """A place that the worker is started in.

    `command`: the words that start it, entrypoint and arguments; empty: the image says.
    `entrypoint`: how many of them stand for the image's ENTRYPOINT; 0: that one holds, or (`cleared`) none does.
    `image`: its image's name; `build`: the Dockerfile that it is said to be built from, and `stage` the stage of it
    (empty: the last one); `dockerfile`: the one whose ENTRYPOINT, CMD, ENV and STOPSIGNAL are in here already.
    `stages`: what an image would start that ends with a stage of this name, in lower case.
    `environment`: the variables whose values are known; `unread` are those whose are not, and what would tell.
    `secret`: the known ones whose values a Secret holds: nothing shows those.
    `caught`: the signals that a process handles; None: not known.
    """

    kind: Kind
    where: Where
    command: tuple[str, ...] = ()
    entrypoint: int = 0
    cleared: bool = False
    image: str = ""
    build: str = ""
    stage: str = ""
    dockerfile: str = ""
    stages: Mapping[str, "Launch"] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()
    grace: Grace | None = None
    hook: Hook | None = None
    probes: tuple[Probe, ...] = ()
    stop_signal: tuple[str, Where] | None = None
    workload: Workload | None = None
    caught: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """The worker in one of its places."""

    launch: Launch
    worker: WorkerFacts


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a scaler looks at; the texts are as the manifest has them, lower case; empty: not said."""

    where: Where
    type: str
    protocol: str = ""
    exclude_unacked: str = ""
    host: str = ""
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Scaler:
    """A ScaledObject, a ScaledJob or a HorizontalPodAutoscaler. `rollout`: a ScaledJob's strategy."""

    kind: str
    where: Where
    target: tuple[str, str]
    triggers: tuple[Trigger, ...] = ()
    rollout: str = ""


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """A queue that is there, or that a manifest will make.

    `facts`: None where it could not be looked into. `consumer_timeout`: in seconds, as an argument or a policy says.
    """

    name: str
    where: Where
    durable: bool = True
    auto_delete: bool = False
    exclusive: bool = False
    facts: QueueFacts | None = None
    consumer_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that the worker needs, and for what."""

    permission: Permission
    resource: str
    purpose: Purpose
    handler: str


@dataclass(frozen=True, slots=True)
class Denied:
    """A need that is not met, and where that was seen."""

    need: Need
    where: Where


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything. `deployed` is never empty: where nothing starts the worker, it is `here`.

    `queues` has those that were looked at, `absent` the names of those that are not there; both are empty where nobody
    could look. `consumer_timeout`: the broker's own, in seconds, and who says so; None: nobody. `refused`: settings
    that the worker would not start with. `settings`: the names of all that there are, as variables
    have them: `amqp_url_file` too.
    """

    deployed: tuple[Deployed, ...]
    scalers: tuple[Scaler, ...] = ()
    queues: tuple[QueueSeen, ...] = ()
    absent: tuple[tuple[str, Where], ...] = ()
    denied: tuple[Denied, ...] = ()
    consumer_timeout: tuple[float, str] | None = None
    refused: tuple[tuple[Where, str], ...] = ()
    settings: frozenset[str] = frozenset()

    @property
    def running(self) -> tuple[Deployed, ...]:
        """Where it runs, with its settings: an image alone is not told them."""
        return tuple(each for each in self.deployed if each.launch.kind != "image")

    @property
    def handlers(self) -> tuple[HandlerFacts, ...]:
        """Of all places; the same one once."""
        every = [handler for each in self.running for handler in each.worker.handlers]
        return tuple({(e.name, e.queue.name, e.concurrency, e.prefetch, e.timeout, e.retry): e for e in every}.values())
