"""The copies of a message that go back to its own queue: to be tried again, or saved from being returned too often.

May know: messages, our headers. May not know: how a copy is published, why.
"""

from collections.abc import Mapping
from dataclasses import replace

from consumer.core import headers
from consumer.core.delivery import Message, Outgoing
from consumer.core.queue import delay_prefix

DEATHS = ("x-first-death-", "x-last-death-")


def retry_copy(message: Message, attempt: int, failed_at: str) -> Outgoing:
    """The message for its next attempt; `failed_at` (ISO 8601) is kept if it was the first that failed."""
    more: dict[str, object] = {headers.ATTEMPT: attempt}
    if attempt > message.attempt:  # else none has failed: it could not be started
        more[headers.FIRST_FAILED_AT] = message.properties.headers.get(headers.FIRST_FAILED_AT, failed_at)
    return _copy(message, more)


def saved_copy(message: Message) -> Outgoing:
    """The message as it is, with the broker's count of its returns begun anew."""
    return _copy(message, {})


def carried(message: Message) -> dict[str, object]:
    """The message's headers as any copy of it may carry them, with where it came from."""
    given = message.properties.headers
    written_anew = _written_by_the_broker(given, message.queue)
    kept = {headers.SENDER_SELECTED.get(name, name): given[name] for name in given if name not in written_anew}
    kept[headers.EXCHANGE], kept[headers.ROUTING_KEY] = message.origin
    kept[headers.COPY] = message.copies + 1
    if message.properties.expiration is not None:
        kept.setdefault(headers.EXPIRATION, message.properties.expiration)  # a fact, not a TTL: it came within it
    return kept


def _copy(message: Message, more: Mapping[str, object]) -> Outgoing:
    properties = replace(message.properties, headers={**carried(message), **more}, expiration=None)
    return Outgoing(message.body, routing_key=message.queue, properties=properties)


def _written_by_the_broker(given: Mapping[str, object], queue: str) -> set[str]:
    """Counts of returns, and deaths where there were none but in our delay queues (docs/delivery-limits.md)."""
    first = given.get("x-first-death-queue")
    ours = isinstance(first, str) and first.startswith(delay_prefix(queue))
    deaths = {name for name in given if name == "x-death" or name.startswith(DEATHS)} if ours else set()
    return {headers.RETURNS, headers.ACQUIRED} | deaths
