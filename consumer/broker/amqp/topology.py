"""Queues: declared when absent, looked at and used as they are when present, refused when unfit for work.

May know: RabbitMQ's replies to queue and exchange declarations. May not know: who consumes them.
"""

from collections.abc import Mapping

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed

from consumer.broker.amqp.convert import table
from consumer.broker.amqp.inspection import OpenChannel, exists, inspect, refused
from consumer.core.facts import QueueFacts, Version, cautious_facts, facts_of
from consumer.core.queue import PARKING_DECLARATION, Binding, Queue
from consumer.errors import BrokerRefused


async def prepare(open_channel: OpenChannel, version: Version, queue: Queue) -> QueueFacts:
    """Make the queue, its parking queue and its bindings ready. Raises BrokerRefused with the mend."""
    facts = await _made_ready(open_channel, version, queue)
    if not await exists(open_channel, queue.parking):
        await _declare(open_channel, queue.parking, PARKING_DECLARATION)
    for binding in queue.bindings:
        await _bind(open_channel, queue.name, binding)
    return facts


async def _made_ready(open_channel: OpenChannel, version: Version, queue: Queue) -> QueueFacts:
    is_new = not await exists(open_channel, queue.name)
    if is_new and not queue.declare:
        raise BrokerRefused(
            f"queue {queue.name!r} does not exist, and Queue(declare=False) says not to declare it. "
            "Create it first, check the name and the virtual host, or let the worker declare it."
        )
    if is_new and await _declare(open_channel, queue.name, queue.declaration):
        return facts_of(version, queue.declaration, declared_here=True)
    found = await inspect(open_channel, queue)
    return cautious_facts(version) if found is None else facts_of(version, found)


async def _declare(open_channel: OpenChannel, name: str, arguments: Mapping[str, object]) -> bool:
    """Whether the queue was declared so; False: somebody else declared it meanwhile, and theirs stands."""
    channel = await open_channel()
    try:
        await channel.queue_declare(name, durable=True, arguments=table(arguments))
    except ChannelPreconditionFailed as error:
        if "inequivalent arg" in str(error):
            return False
        raise refused(f"declare queue {name!r}", error) from error
    except ChannelClosed as error:
        raise refused(f"declare queue {name!r}", error) from error
    await channel.close()
    return True


async def _bind(open_channel: OpenChannel, queue: str, binding: Binding) -> None:
    channel = await open_channel()
    try:
        await channel.exchange_declare(binding.exchange, passive=True)
    except ChannelNotFoundEntity:
        channel = await open_channel()
        await _declare_exchange(channel, binding)
    except ChannelClosed as error:
        raise refused(f"look at exchange {binding.exchange!r}", error) from error
    try:
        await channel.queue_bind(queue, binding.exchange, binding.routing_key, arguments=table(binding.arguments))
    except ChannelClosed as error:
        raise refused(f"bind queue {queue!r} to exchange {binding.exchange!r}", error) from error
    await channel.close()


async def _declare_exchange(channel: AbstractChannel, binding: Binding) -> None:
    try:
        await channel.exchange_declare(binding.exchange, exchange_type=binding.type, durable=True)
    except ChannelClosed as error:
        raise refused(f"declare exchange {binding.exchange!r}", error) from error
