"""Looks at the broker for `lastcall check`: the worker's queues, and what its user may do there. Changes nothing.

May know: settings, the AMQP probes, the management API. May not know: rules, output.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from consumer.broker.amqp.probes import Probes, Traits, probing
from consumer.broker.management import Management
from consumer.check.documents.topology import consumer_timeout
from consumer.check.finding import Unchecked, Where
from consumer.check.permissions import DEFAULT_EXCHANGE, needs
from consumer.check.subject import Denied, HandlerFacts, Need, QueueSeen
from consumer.connecting import management, rabbitmq
from consumer.core.facts import QueueFacts, Version, cautious_facts, facts_of
from consumer.errors import BrokerAway
from consumer.settings import Settings, masked

NAME = "lastcall check"
PATIENCE = 30.0
"""Seconds for the connection, and then for all that is asked of one queue: a hundred times what it takes."""
CHATTY = ("aio_pika", "aiormq", "asyncio")
_NOWHERE = logging.NullHandler()


@dataclass(slots=True)
class Looked:
    """What was seen there."""

    where: Where
    queues: list[QueueSeen] = field(default_factory=list)
    absent: list[tuple[str, Where]] = field(default_factory=list)
    denied: list[Denied] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)


def look(settings: Settings, handlers: Sequence[HandlerFacts]) -> Looked:
    """Look at the queues of these handlers. Raises BrokerAway or BrokerRefused."""
    for library in CHATTY:  # what they log of a connection that ends is told here, in a sentence
        logging.getLogger(library).addHandler(_NOWHERE)
    return asyncio.run(_patiently(settings, handlers))


async def _patiently(settings: Settings, handlers: Sequence[HandlerFacts]) -> Looked:
    looked = Looked(Where(", ".join(masked(each) for each in settings.addresses)))
    try:
        async with asyncio.timeout(settings.connect_timeout + PATIENCE) as patience:
            await _look(looked, settings, handlers, patience)
    except TimeoutError as error:
        why = f"no answer for {PATIENCE:g} s: it is overloaded or stopped, or the way there is blocked"
        raise BrokerAway(f"{looked.where}: {why}") from error
    return looked


async def _look(
    looked: Looked, settings: Settings, handlers: Sequence[HandlerFacts], patience: asyncio.Timeout
) -> None:
    broker, to_publish = rabbitmq(settings, NAME), list[Need]()
    async with probing(lambda: broker.open(NAME)) as probes:
        version, api = probes.version, management(settings)
        for handler in {each.queue.name: each for each in handlers}.values():
            patience.reschedule(asyncio.get_running_loop().time() + PATIENCE)
            existing = {name for name in _exchanges(handler) if await probes.exchange(name)}
            for name in (handler.queue.name, handler.queue.parking):
                traits = await probes.queue(name)
                if traits is not None and not traits.hidden:
                    existing.add(name)
                if name == handler.queue.name:
                    await _note(looked, name, traits, version, api)
            for need in needs(handler, existing):
                if need.resource == DEFAULT_EXCHANGE:
                    to_publish.append(need)
                elif not await _met(probes, need, handler):
                    looked.denied.append(Denied(need, looked.where))
        await _publish(looked, probes, to_publish)


async def _publish(looked: Looked, probes: Probes, to_publish: Sequence[Need]) -> None:
    """Asked once, and last: see `Probes.may_publish`."""
    try:
        if not await probes.may_publish():
            looked.denied += [Denied(need, looked.where) for need in to_publish]
    except TimeoutError:
        why = "the broker blocks publishers: its memory or its disk has an alarm (`rabbitmq-diagnostics alarms`)"
        looked.unchecked.append(Unchecked(f"write on {DEFAULT_EXCHANGE!r}", why))


async def _note(looked: Looked, name: str, traits: Traits | None, version: Version, api: Management | None) -> None:
    where = looked.where.at(f"queue {name}")
    if traits is None:
        looked.absent.append((name, where))
        return
    policy, told = None, traits.arguments
    if api is not None and not traits.exclusive:
        try:
            policy, told = _told(await api.look_up(name), told)
        except (OSError, HTTPException, ValueError) as error:
            why = f"the management API can't be asked ({error}): check LASTCALL_MANAGEMENT_URL and its user"
            looked.unchecked.append(Unchecked(f"the policies of queue {name!r}", why))
    looked.queues.append(
        QueueSeen(
            name,
            where,
            traits.durable,
            traits.auto_delete,
            traits.exclusive,
            _facts(version, told, policy),
            consumer_timeout(told or {}, policy),
        )
    )


def _told(
    found: Mapping[str, Any], arguments: dict[str, object] | None
) -> tuple[Mapping[str, Any] | None, dict[str, object] | None]:
    """The policy in force and the arguments, by the management API."""
    policy = found.get("effective_policy_definition")
    seen = {"x-queue-type": found.get("type", "classic"), **dict(found.get("arguments") or {})}
    return (policy if isinstance(policy, Mapping) else None), {**(arguments or {}), **seen}


def _facts(version: Version, arguments: Mapping[str, object] | None, policy: Mapping[str, Any] | None) -> QueueFacts:
    return cautious_facts(version) if arguments is None else facts_of(version, arguments, policy)


def _exchanges(handler: HandlerFacts) -> set[str]:
    return {binding.exchange for binding in handler.queue.bindings}


async def _met(probes: Probes, need: Need, handler: HandlerFacts) -> bool:
    if need.permission == "configure":
        return await probes.may_configure(need.resource)
    if need.permission == "read":
        return await probes.may_read(need.resource)
    return await probes.may_bind(need.resource, handler.queue.bindings[0].exchange)
