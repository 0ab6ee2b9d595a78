"""Messages that seem to end their workers: stopped by what the broker has counted, far beyond any normal life.

May know: messages, the facts of a queue. May not know: handlers, who parks.

Failures that a handler survives are counted in a header of ours. A message that kills the process each time can't
have its header raised: what is left to go by is how often the broker has had to take it back by itself.
"""

from consumer.core.delivery import Message
from consumer.core.facts import QueueFacts
from consumer.core.outcome import most_attempts
from consumer.core.retry import RetryPolicy

FATAL = 50
"""Lost channels, connections or processes that a message was out on, from RabbitMQ 4.3 on, where nacks don't count."""
FATAL_OR_RETURNED = 1000
"""Before 4.3 each return counts, those of scale-downs too, which no message is to blame for."""


def poison(message: Message, facts: QueueFacts | None, policy: RetryPolicy) -> str | None:
    """Why a message must not be started once more; None: it may be."""
    if facts is None or not message.headers:
        return None  # nearly all: the broker counts in a header
    if message.returns < FATAL or message.returns < _bound(facts, policy):
        return None
    if facts.native_delay:
        return f"poison: {message.returns} times it failed, or its worker or its connection was gone"
    if facts.counts_failures_only:
        return f"poison: {message.returns} times its worker or its connection was gone before it was settled"
    return f"poison: it came back {message.returns} times without being settled"


def _bound(facts: QueueFacts, policy: RetryPolicy) -> int:
    if facts.native_delay:
        return FATAL + most_attempts(policy)  # the failures that are left to the queue to delay count as well
    return FATAL if facts.counts_failures_only else FATAL_OR_RETURNED
