"""From the name that a person types to the parking queue that is meant, and what looking at it may cost.

May know: how queues are named, what is known of one. May not know: AMQP, the command line.
"""

from dataclasses import dataclass
from typing import Protocol

from consumer.core.facts import QueueFacts
from consumer.core.queue import Queue
from consumer.errors import BrokerRefused, ConfigurationError

SUFFIX = Queue("-").parking.removeprefix("-")


class Tools(Protocol):
    """What is asked of a broker beside the port."""

    async def depth(self, queue: str) -> int | None:
        """How many messages are ready; None: there is no such queue."""

    async def facts(self, queue: str) -> QueueFacts:
        """What can be found out about a queue that is there. Raises BrokerRefused when it is unfit for work."""


@dataclass(frozen=True, slots=True)
class Found:
    """A parking queue that is there. `warning`: what looking at it may cost, None when it costs nothing."""

    name: str
    count: int
    warning: str | None


def parking_queues(queue: str, prefix: str) -> list[str]:
    """The parking queues that may be meant, the likeliest first: of the work queue `queue`, or that one itself.

    Raises ConfigurationError when no queue can have that name.
    """
    whole = _whole_names(queue, prefix)
    return [*(Queue(name).parking for name in whole), *(name for name in whole if name.endswith(SUFFIX))]


async def find(tools: Tools, queue: str, prefix: str) -> Found:
    """The parking queue that is meant. Raises ConfigurationError when there is none."""
    names = parking_queues(queue, prefix)
    for name in names:
        if (count := await tools.depth(name)) is not None:
            return Found(name, count, await _warning(tools, name))
    raise ConfigurationError(
        f"there is no parking queue {' or '.join(map(repr, names))}: workers make it when they start. "
        "Check the name, LASTCALL_QUEUE_PREFIX, and the virtual host in LASTCALL_AMQP_URL."
    )


async def find_work_queue(tools: Tools, queue: str, prefix: str) -> str:
    """The queue that `--to` means. Raises ConfigurationError when there is none."""
    names = _whole_names(queue, prefix)
    for name in names:
        if await tools.depth(name) is not None:
            return name
    raise ConfigurationError(f"--to {queue}: there is no queue {' or '.join(map(repr, names))}. Check the name.")


def _whole_names(queue: str, prefix: str) -> list[str]:
    """With the prefix; and as it is, if it has that already (copied from the management UI, perhaps)."""
    return [prefix + queue, *([queue] if prefix and queue.startswith(prefix) else [])]


async def _warning(tools: Tools, name: str) -> str | None:
    try:
        facts = await tools.facts(name)
    except BrokerRefused as unfit:
        return str(unfit)
    if facts.kind != "quorum" or facts.nack_is_free or facts.delivery_limit is None or facts.delivery_limit > 1_000_000:
        return None
    return (
        f"{name} was not declared by Lastcall: each look at a message counts towards its delivery limit "
        f"({facts.delivery_limit}), after which RabbitMQ drops it. Raise the limit by a policy, and look rarely."
    )
