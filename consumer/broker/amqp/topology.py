"""Queues: declared when absent, looked at and used as they are when present, refused when unfit for work.

May know: RabbitMQ's replies to queue and exchange declarations. May not know: who consumes them.
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
from consumer.core.queue import PARKING_DECLARATION, Binding, Queue
from consumer.errors import BrokerRefused

OpenChannel = Callable[[], Awaitable[AbstractChannel]]

PROBE = "lastcall-probe"
"""A queue type that does not exist. Declaring an existing queue with it changes nothing, and the refusal
names the first property in which the queue differs (durable, auto_delete, then the arguments); declaring
an absent one is refused too (measured on RabbitMQ 3.10.8, 4.0.5 and 4.3.6). See docs/adr/0003."""

DIFFERENCE = re.compile(
    r"inequivalent arg '(?P<arg>[^']+)'.* but current is "
    r"(?:none|(?:the value )?'(?P<value>.*?)'(?: of type '(?P<type>\w+)')?)(?:\W|$)"
)


async def prepare(open_channel: OpenChannel, queue: Queue) -> None:
    """Make the queue, its parking queue and its bindings ready. Raises BrokerRefused with the mend."""
    if await _exists(open_channel, queue.name):
        await _inspect(open_channel, queue)
    elif queue.declare:
        await _declare(open_channel, queue.name, queue.declaration)
    else:
        raise BrokerRefused(
            f"queue {queue.name!r} does not exist, and Queue(declare=False) says not to declare it. "
            "Create it first, check the name and the virtual host, or let the worker declare it."
        )
    if not await _exists(open_channel, queue.parking):
        await _declare(open_channel, queue.parking, PARKING_DECLARATION)
    for binding in queue.bindings:
        await _bind(open_channel, queue.name, binding)


async def _exists(open_channel: OpenChannel, name: str) -> bool:
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
        raise _refused(f"look at queue {name!r}", error) from error
    await channel.close()
    return True


async def _declare(open_channel: OpenChannel, name: str, arguments: Mapping[str, object]) -> None:
    channel = await open_channel()
    try:
        await channel.queue_declare(name, durable=True, arguments=table(arguments))
    except ChannelPreconditionFailed as error:
        if "inequivalent arg" in str(error):  # somebody else declared it meanwhile: theirs stands
            return
        raise _refused(f"declare queue {name!r}", error) from error
    except ChannelClosed as error:
        raise _refused(f"declare queue {name!r}", error) from error
    await channel.close()


async def _inspect(open_channel: OpenChannel, queue: Queue) -> None:
    """A refusal names one difference; with that argument taken over, the next one names the next, the type last."""
    arguments: dict[str, object] = {"x-queue-type": PROBE}
    while (found := await _difference(open_channel, queue.name, arguments)) is not None:
        arg, value = found["arg"], "none" if found["value"] is None else found["value"]
        if arg in arguments or not arg.startswith("x-"):
            _judge(queue, arg, value)
            return
        arguments[arg] = _typed(value, found["type"])


async def _difference(open_channel: OpenChannel, name: str, arguments: Mapping[str, object]) -> re.Match[str] | None:
    channel = await open_channel()
    try:
        await channel.queue_declare(name, durable=True, arguments=table(arguments))
    except ChannelAccessRefused:
        return None  # without the permission to configure, the queue is taken as it is
    except ChannelPreconditionFailed as error:
        return DIFFERENCE.search(str(error))
    return None


def _typed(value: str, kind: str | None) -> object:
    """An argument as it must be sent to be found equal; types that are not known here end the questions."""
    if kind == "bool":
        return value == "true"
    return value if kind == "longstr" or not value.lstrip("-").isdecimal() else int(value)


def _judge(queue: Queue, arg: str, value: str) -> None:
    """Raises BrokerRefused when the queue, which has `value` for `arg`, is unfit for work."""
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
    kind = "classic" if value == "none" else value
    if queue.type is not None and queue.type != kind:
        raise BrokerRefused(
            f"queue {name!r} is a {kind} queue, but the worker asks for type={queue.type!r}. Leave `type` out to use "
            "it as it is, or move its messages and delete it so that the worker can declare it."
        )


async def _bind(open_channel: OpenChannel, queue: str, binding: Binding) -> None:
    channel = await open_channel()
    try:
        await channel.exchange_declare(binding.exchange, passive=True)
    except ChannelNotFoundEntity:
        channel = await open_channel()
        await _declare_exchange(channel, binding)
    except ChannelClosed as error:
        raise _refused(f"look at exchange {binding.exchange!r}", error) from error
    try:
        await channel.queue_bind(queue, binding.exchange, binding.routing_key, arguments=table(binding.arguments))
    except ChannelClosed as error:
        raise _refused(f"bind queue {queue!r} to exchange {binding.exchange!r}", error) from error
    await channel.close()


async def _declare_exchange(channel: AbstractChannel, binding: Binding) -> None:
    try:
        await channel.exchange_declare(binding.exchange, exchange_type=binding.type, durable=True)
    except ChannelClosed as error:
        raise _refused(f"declare exchange {binding.exchange!r}", error) from error


def _refused(what: str, error: Exception) -> BrokerRefused:
    mend = ""
    if isinstance(error, ChannelAccessRefused):
        mend = " Give the worker's user that permission (`rabbitmqctl set_permissions`), or create it beforehand."
    return BrokerRefused(f"the broker refuses to {what}: {error}.{mend}")
