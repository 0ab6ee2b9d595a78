"""Messages that seem to end their workers: stopped by what the broker has counted, far beyond any normal life.

May know: messages, the facts of a queue. May not know: handlers, who parks.

Failures that a handler survives are counted in a header of ours. A message that kills the process each time can't
have its header raised: what is left to go by is how often the broker has had to take it back by itself.
"""

from consumer.core.delivery import Message
from consumer.core.facts import QueueFacts

FATAL = 50
"""Lost channels, connections or processes that a message was out on, from RabbitMQ 4.3 on, where nacks don't count."""
FATAL_OR_RETURNED = 1000
"""Before 4.3 each return counts, those of scale-downs too, which no message is to blame for."""


def poison(message: Message, facts: QueueFacts | None) -> str | None:
    """Why a message must not be started once more; None: it may be."""
    if facts is None or message.returns < FATAL:
        return None
    if facts.counts_failures_only:
        return f"poison: {message.returns} times its worker or its connection was gone before it was settled"
    if message.returns < FATAL_OR_RETURNED:
        return None
    return f"poison: it came back {message.returns} times without being settled"
