"""The faults: how each is inflicted, how it is mended, and what a worker that is not draining sees of it.

May know: the stage, the node, the firewall. May not know: the moments in which workers are hit.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from signal import SIGCONT, SIGSTOP

from . import firewall
from .stage import HEARTBEAT, PASSWORD, USER, VHOST, Stage

Step = Callable[[Stage], Awaitable[object]]


async def nothing(_stage: Stage) -> None:
    """It mends itself."""


@dataclass(frozen=True)
class Fault:
    """`sees`: the events by which a worker notices it, all of which it has had before it is mended; none: it need not.

    It lasts so many seconds at least (`lasts`), and no longer where it is brief, whatever the workers have noticed.
    """

    name: str
    strike: Step
    mend: Step = nothing
    sees: tuple[str, ...] = ("connection_lost",)
    lasts: float = 0.0
    wired: bool = False
    takes_queues: bool = False
    brief: bool = False
    silent: bool = False
    proof: str = ""
    """What the broker's log says when the fault was real, where it could fail to come about."""

    @property
    def severs(self) -> bool:
        """Whether what the workers hold is delivered again."""
        return bool(self.sees)

    def __str__(self) -> str:
        return self.name


async def close_all_connections(stage: Stage) -> None:
    await stage.node.ctl("close_all_connections", "--global", "maintenance")


async def close_each_connection(stage: Stage) -> None:
    """As `rabbitmqctl close_connection` does to one; that command takes a second, and ten for all on a busy machine."""
    close = 'rabbit_networking:close_connection(Pid, "you look stuck")'
    await stage.node.ctl("eval", f"[{close} || Pid <- rabbit_networking:connections()].")


async def delete_queues(stage: Stage) -> None:
    for place in stage.places.values():
        await place.jobs.delete()
        await place.jobs.hang_up()


async def make_vhost(stage: Stage) -> None:
    await stage.node.admin.make_vhost(VHOST)
    await stage.node.admin.allow(USER, VHOST)


async def change_the_password(stage: Stage) -> None:
    await stage.node.admin.set_user(USER, "another one")
    await close_all_connections(stage)


async def revoke_the_permissions(stage: Stage) -> None:
    await stage.node.admin.forbid(USER, VHOST)
    await close_all_connections(stage)


async def stop_the_workers(stage: Stage) -> None:
    for worker in stage.workers:
        worker.signal(SIGSTOP)


async def let_the_workers_go_on(stage: Stage) -> None:
    for worker in stage.workers:
        worker.signal(SIGCONT)


async def cut(stage: Stage) -> None:
    stage.wire.cut()


async def freeze(stage: Stage) -> None:
    stage.wire.freeze()


async def thaw(stage: Stage) -> None:
    stage.wire.thaw()


async def slow_down(stage: Stage) -> None:
    stage.wire.slow_down(0.3)


async def speed_up(stage: Stage) -> None:
    stage.wire.slow_down(0)


AWAY = ("connection_lost", "connecting")

BY_AN_OPERATOR = [
    Fault("all connections closed", close_all_connections),
    Fault("each connection closed", close_each_connection),
    Fault(
        "maintenance mode",
        lambda stage: stage.node.tool("rabbitmq-upgrade", "drain"),
        lambda stage: stage.node.tool("rabbitmq-upgrade", "revive"),
        sees=AWAY,
    ),
    Fault("queue deleted", delete_queues, sees=("channel_lost",), takes_queues=True),
    Fault(
        "vhost deleted", lambda stage: stage.node.admin.delete_vhost(VHOST), make_vhost, sees=AWAY, takes_queues=True
    ),
    Fault("password changed", change_the_password, lambda stage: stage.node.admin.set_user(USER, PASSWORD), sees=AWAY),
    Fault("permissions revoked", revoke_the_permissions, lambda stage: stage.node.admin.allow(USER, VHOST), sees=AWAY),
]
OF_THE_BROKER = [
    Fault(
        "paused shortly",
        lambda stage: stage.node.pause(),
        lambda stage: stage.node.unpause(),
        (),
        lasts=HEARTBEAT,
        brief=True,
    ),
    Fault("paused long", lambda stage: stage.node.pause(), lambda stage: stage.node.unpause(), silent=True),
    Fault("killed", lambda stage: stage.node.kill(), lambda stage: stage.node.start(), AWAY),
    Fault("stopped", lambda stage: stage.node.stop(), lambda stage: stage.node.start(), AWAY),
    Fault("restarted", lambda stage: stage.node.restart(), lambda stage: stage.node.until_up()),
    Fault(
        "memory alarm",
        lambda stage: stage.node.ctl("set_vm_memory_high_watermark", "0.00001"),
        lambda stage: stage.node.ctl("set_vm_memory_high_watermark", "0.6"),
        (),
        lasts=1.0,
        proof="memory resource limit alarm set",
    ),
    Fault(
        "disk alarm",
        lambda stage: stage.node.ctl("set_disk_free_limit", "4000000000000000"),
        lambda stage: stage.node.ctl("set_disk_free_limit", "50MB"),
        (),
        lasts=1.0,
        proof="disk resource limit alarm set",
    ),
]
OF_THE_NETWORK = [
    Fault(
        "packets dropped", lambda stage: firewall.drop(stage.node.host), lambda _stage: firewall.clear(), silent=True
    ),
    Fault("tcp reset", lambda stage: firewall.reset(stage.node.host), lambda _stage: firewall.clear(), AWAY),
    Fault("wire cut", cut, wired=True),
    Fault("wire half open", freeze, thaw, wired=True, silent=True),
    Fault("wire slow", slow_down, speed_up, (), lasts=1.0, wired=True),
]
OF_THE_WORKER = [
    Fault("worker stopped", stop_the_workers, let_the_workers_go_on, lasts=3 * HEARTBEAT + 0.5, brief=True),
]
FAULTS = [*BY_AN_OPERATOR, *OF_THE_BROKER, *OF_THE_NETWORK, *OF_THE_WORKER]
