"""Looking at a queue that exists without changing it: is it there, what was it declared with, is it fit for work?

May know: RabbitMQ's refusals of declarations. May not know: how queues are declared, who consumes them.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelClosed,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from consumer.broker.amqp.convert import table
from consumer.core.queue import Queue
from consumer.errors import BrokerRefused

OpenChannel = Callable[[], Awaitable[AbstractChannel]]

PROBE = "lastcall-probe"
"""A queue type that does not exist. Declaring an existing queue with it changes nothing, and the refusal
names the first property in which the queue differs (durable, auto_delete, then the arguments); declaring
an absent one is refused too (measured on RabbitMQ 3.10.8, 4.0.5 and 4.3.6). See docs/adr/0003."""

NO_QUORUM_QUEUE = {"x-max-age": PROBE}
"""No quorum queue can be declared with this, and one that exists is not asked for it: with its own type and this,
the differences in the arguments that are compared after the type show, and still nothing can be made."""

DIFFERENCE = re.compile(
    r"inequivalent arg '(?P<arg>[^']+)'.* but current is "
    r"(?:none|(?:the value )?'(?P<value>.*?)'(?: of type '(?P<type>\w+)')?)(?:\W|$)"
)
CUT_SHORT = re.compile(r"inequivalent arg '(?P<arg>[^']+)'")
"""A reply text has 255 bytes at most (AMQP short string): with a long queue name the value is cut off."""


async def exists(open_channel: OpenChannel, name: str) -> bool:
    """Whether there is a queue of this name. Raises BrokerRefused when it may not be used."""
    channel = await open_channel()
    try:
        await channel.queue_declare(name, passive=True)
    except ChannelNotFoundEntity:
        return False
    except ChannelLockedResource as error:
        raise BrokerRefused(
            f"queue {name!r} is exclusive to another connection and would go with it. Use a durable, shared queue."
        ) from error
    except ChannelClosed as error:
        raise refused(f"look at queue {name!r}", error) from error
    await channel.close()
    return True


async def inspect(open_channel: OpenChannel, queue: Queue) -> dict[str, object] | None:
    """What the queue was declared with, `x-queue-type` always among it; None when it can't be found out.

    A refusal names one difference; with that argument taken over, the next one names the next.
    Raises BrokerRefused when the queue is unfit for work.
    """
    arguments: dict[str, object] = {"x-queue-type": PROBE}
    asked: set[str] = set()
    while (text := await difference(open_channel, queue.name, arguments)) is not None:
        found = DIFFERENCE.search(text)
        if found is None:
            if _as_we_would(queue, text, arguments):
                continue
            return await _ours(open_channel, queue)
        arg, value = found["arg"], found["value"]
        _judge(queue, arg, value)
        if arg in asked or not arg.startswith("x-"):
            break
        asked.add(arg)
        if arg == "x-queue-type":
            arguments[arg] = "classic" if value is None else value
            if value != "quorum":
                break
            arguments |= NO_QUORUM_QUEUE
        elif value is not None:
            arguments[arg] = _typed(value, found["type"])
    known = {name: value for name, value in arguments.items() if name not in NO_QUORUM_QUEUE}
    return known if "x-queue-type" in asked else None


def _as_we_would(queue: Queue, text: str, arguments: dict[str, object]) -> bool:
    """Where the value is cut off, try the one that we would have declared; False: it was tried, or there is none."""
    cut = CUT_SHORT.search(text)
    if cut is None or cut["arg"] in arguments or cut["arg"] not in queue.declaration:
        return False
    arguments[cut["arg"]] = queue.declaration[cut["arg"]]
    return True


async def _ours(open_channel: OpenChannel, queue: Queue) -> dict[str, object] | None:
    """Our declaration, if it is the queue's: asked for at last, where nothing more can be read of an answer."""
    if not queue.declare or await difference(open_channel, queue.name, queue.declaration) is not None:
        return None
    return dict(queue.declaration)


async def difference(
    open_channel: OpenChannel,
    name: str,
    arguments: Mapping[str, object],
    *,
    durable: bool = True,
    auto_delete: bool = False,
) -> str | None:
    """How the broker says that the queue is another one; None: it is this one, or it may not be looked at."""
    channel = await open_channel()
    try:
        await channel.queue_declare(name, durable=durable, auto_delete=auto_delete, arguments=table(arguments))
    except ChannelAccessRefused:
        return None  # without the permission to configure, the queue is taken as it is
    except ChannelPreconditionFailed as error:
        return str(error)
    await channel.close()
    return None


def _typed(value: str, kind: str | None) -> object:
    """An argument as it must be sent to be found equal; types that are not known here end the questions."""
    if kind == "bool":
        return value == "true"
    return value if kind == "longstr" or not value.lstrip("-").isdecimal() else int(value)


def _judge(queue: Queue, arg: str, value: str | None) -> None:
    """Raises BrokerRefused when the queue, which has `value` for `arg` (None: nothing), is unfit for work."""
    name = queue.name
    if arg == "durable":
        raise BrokerRefused(
            f"queue {name!r} is not durable: it and its messages go when the broker restarts. "
            "Delete it and let the worker declare it, or declare it durable."
        )
    if arg == "auto_delete":
        raise BrokerRefused(
            f"queue {name!r} is auto-delete: when the last worker stops consuming, RabbitMQ deletes it with all its "
            "messages. Delete it and let the worker declare it, or declare it with auto_delete=false."
        )
    if arg != "x-queue-type":
        return
    if value == "stream":
        raise BrokerRefused(
            f"queue {name!r} is a stream: acks there mean credit, not completion, and nothing can be handed back. "
            "Use a quorum queue (it can be bound to the same exchange)."
        )
    kind = value or "classic"
    if queue.type is not None and queue.type != kind:
        raise BrokerRefused(
            f"queue {name!r} is a {kind} queue, but the worker asks for type={queue.type!r}. Leave `type` out to use "
            "it as it is, or move its messages and delete it so that the worker can declare it."
        )


def refused(what: str, error: Exception) -> BrokerRefused:
    """The broker's refusal to do `what`, with the mend where it is known."""
    mend = ""
    if isinstance(error, ChannelAccessRefused):
        mend = " Give the worker's user that permission (`rabbitmqctl set_permissions`), or create it beforehand."
    return BrokerRefused(f"the broker refuses to {what}: {error}.{mend}")
